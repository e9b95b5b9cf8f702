// What a rerank worker does with a request: a query and documents in, the documents by relevance out.
import type { EmbeddingEngine } from "@dyn/engine";
import { type RerankList, RerankRequest } from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import type { Tokenizer, TokenizerPool } from "@dyn/tokenizer";
import { createAnswerHandler } from "../answer/create-answer-handler.ts";
import { nameRequestField } from "../answer/request-field.ts";
import { createYesNoPrompts, yesProbability } from "./yes-no-prompt.ts";

export interface RerankHandlerOptions {
  /** Its vectors are the logits of `yesNoTokenIds(tokenizer)`. */
  readonly engine: EmbeddingEngine;
  readonly tokenizer: Tokenizer;
  /** The same tokenizer, for long texts. */
  readonly pool: TokenizerPool;
  readonly shutdown?: AbortSignal;
  /** Told of each request that is answered. */
  readonly onAnswer?: (sizes: { readonly inputs: number; readonly tokens: number }) => void;
}

/** Scores are probabilities; equal ones keep the order of the request. */
export function createRerankHandler(
  options: RerankHandlerOptions,
): RequestHandler<unknown, RerankList> {
  const { engine, tokenizer, pool } = options;
  const toPrompts = createYesNoPrompts(tokenizer, pool);
  return createAnswerHandler({
    schema: RerankRequest,
    shutdown: options.shutdown,
    answer: async (request, signal) => {
      const { documents } = request;
      const prompts = await toPrompts(request, signal);
      const logits = await engine
        .embed({ prompts }, { signal })
        .catch((error: unknown) =>
          Promise.reject(nameRequestField(error, (i) => `documents[${i}]`)),
        );
      const tokens = prompts.reduce((sum, { length }) => sum + length, 0);
      options.onAnswer?.({ inputs: prompts.length, tokens });
      const withText = request.return_documents ?? true;
      return logits
        .map((pair, index) => ({
          score: yesProbability(pair),
          ...(withText ? { document: documents[index]! } : {}),
          index,
          meta_info: { prompt_tokens: prompts[index]!.length },
        }))
        .sort((a, b) => b.score - a.score)
        .slice(0, request.top_n ?? documents.length);
    },
  });
}
