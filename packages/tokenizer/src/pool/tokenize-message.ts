import type { ErrorRecord } from "@dyn/protocol";
import type { TextPart } from "../contract/text-part.ts";

/** What a tokenizer thread is started with. */
export interface ThreadData {
  readonly directory: string;
}

/** To the thread: a text, or parts of one. It answers in the order of the jobs. */
export type TokenizeJob =
  | { readonly text: string; readonly addSpecialTokens: boolean }
  | { readonly parts: readonly TextPart[] };

/** From the thread: of the text, or of each part; the buffers are moved, not copied. */
export type TokenizeResult =
  | { readonly ids: readonly Uint32Array[] }
  | { readonly error: ErrorRecord };
