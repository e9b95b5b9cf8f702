// How a decoder is asked whether a document is relevant: the form that Qwen3-Reranker was trained on. The scores that
// come of it are probabilities of yes against no.
import { InvalidArgumentError } from "@dyn/protocol";
import type { Tokenizer, TokenizerPool } from "@dyn/tokenizer";

const prefix =
  "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. " +
  'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n';
const suffix = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";
/** What the model's makers ask when nothing else is given. */
const defaultInstruct =
  "Given a web search query, retrieve relevant passages that answer the query";

/** Ids of the two answers, in the order in which the engine is asked for their logits. Throws InvalidArgumentError. */
export function yesNoTokenIds(tokenizer: Tokenizer): [no: number, yes: number] {
  // Without it the model never saw such a question.
  requireToken(tokenizer, "<|im_start|>");
  return [requireToken(tokenizer, "no"), requireToken(tokenizer, "yes")];
}

function requireToken(tokenizer: Tokenizer, token: string): number {
  const id = tokenizer.tokenToId(token);
  if (id !== undefined) return id;
  throw new InvalidArgumentError(
    `The model's tokenizer has no token ${JSON.stringify(token)}, so it cannot be asked for yes or no as Qwen3-Reranker is. Serve a reranker of that kind.`,
    { param: "modelPath" },
  );
}

/** Ids of the question about each document; `pool` has the same tokenizer. */
export function createYesNoPrompts(tokenizer: Tokenizer, pool: TokenizerPool) {
  const before = tokenizer.encode(prefix);
  const behind = tokenizer.encode(suffix);
  return (
    request: {
      readonly query: string;
      readonly documents: readonly string[];
      readonly instruct?: string | null | undefined;
    },
    signal: AbortSignal,
  ): Promise<Uint32Array[]> => {
    const { query, documents } = request;
    const instruct = request.instruct ?? defaultInstruct;
    return Promise.all(
      documents.map(async (document) => {
        const text = `<Instruct>: ${instruct}\n<Query>: ${query}\n<Document>: ${document}`;
        return Uint32Array.from([...before, ...(await pool.encode(text, { signal })), ...behind]);
      }),
    );
  };
}

/** Probability of yes, by the logits of no and yes. */
export function yesProbability(logits: Float32Array): number {
  return 1 / (1 + Math.exp(logits[0]! - logits[1]!));
}
