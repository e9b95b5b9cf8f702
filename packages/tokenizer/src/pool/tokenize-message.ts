import type { ErrorRecord } from "@dyn/protocol";

/** What a tokenizer thread is started with. */
export interface ThreadData {
  readonly directory: string;
}

/** To the thread. It answers in the order of the jobs. */
export interface TokenizeJob {
  readonly text: string;
  readonly addSpecialTokens: boolean;
}

/** From the thread; the buffer of `ids` is moved, not copied. */
export type TokenizeResult = { readonly ids: Uint32Array } | { readonly error: ErrorRecord };
