// What an embedding worker does with a request: text or ids in, an OpenAI list of vectors out.
import type { EmbeddingEngine } from "@dyn/engine";
import {
  type EmbeddingInput,
  type EmbeddingList,
  EmbeddingRequest,
  InvalidArgumentError,
} from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import type { TokenizerPool } from "@dyn/tokenizer";
import { createAnswerHandler } from "../answer/create-answer-handler.ts";
import { nameRequestField } from "../answer/request-field.ts";

export interface EmbeddingHandlerOptions {
  readonly engine: EmbeddingEngine;
  readonly tokenizer: TokenizerPool;
  /** The name that answers carry. */
  readonly model: string;
  readonly shutdown?: AbortSignal;
  /** Told of each request that is answered. */
  readonly onAnswer?: (sizes: { readonly inputs: number; readonly tokens: number }) => void;
}

/** Vectors go out as base64 of little-endian float32, as Dynamo's worker sends them; frontends make numbers of them. */
export function createEmbeddingHandler(
  options: EmbeddingHandlerOptions,
): RequestHandler<unknown, EmbeddingList> {
  const { engine, tokenizer, model } = options;
  const { vectorSize } = engine.info;
  return createAnswerHandler({
    schema: EmbeddingRequest,
    shutdown: options.shutdown,
    answer: async ({ input, dimensions }, signal) => {
      const size = dimensions ?? vectorSize;
      if (size > vectorSize) {
        throw new InvalidArgumentError(
          `dimensions is ${size}, but vectors of this model have ${vectorSize} numbers. Ask for at most as many.`,
          { param: "dimensions" },
        );
      }
      const { isList, items } = toItems(input);
      const prompts = await Promise.all(
        items.map((item) =>
          typeof item === "string"
            ? // As the model's makers embed: several read their vector from a token that is added here.
              tokenizer.encode(item, { addSpecialTokens: true, signal })
            : Uint32Array.from(item),
        ),
      );
      const vectors = await engine
        .embed({ prompts }, { signal })
        .catch((error: unknown) =>
          Promise.reject(nameRequestField(error, (i) => (isList ? `input[${i}]` : "input"))),
        );
      const tokens = prompts.reduce((sum, { length }) => sum + length, 0);
      options.onAnswer?.({ inputs: prompts.length, tokens });
      return {
        object: "list",
        data: vectors.map((vector, index) => ({
          object: "embedding",
          embedding: toBase64(vector.subarray(0, size)),
          index,
        })),
        model,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      };
    },
  });
}

function toItems(input: EmbeddingInput) {
  if (typeof input === "string") return { isList: false, items: [input] };
  return typeof input[0] === "number"
    ? { isList: false, items: [input as number[]] }
    : { isList: true, items: input as (string | number[])[] };
}

function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(4 * vector.length);
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes.toString("base64");
}
