import type { IncrementalDecoder } from "@dyn/tokenizer";

/** Of an answer that is token ids alone: makes no text. */
export const silentDecoder: IncrementalDecoder = Object.freeze({
  push: () => "",
  flush: () => "",
});
