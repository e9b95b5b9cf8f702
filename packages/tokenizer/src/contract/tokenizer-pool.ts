import type { EncodeOptions } from "./tokenizer.ts";

/** Encodes short text at once and long text on worker threads, so that the event loop never stalls. */
export interface TokenizerPool {
  encode(text: string, options?: EncodeOptions & { signal?: AbortSignal }): Promise<Uint32Array>;
  close(): Promise<void>;
}
