import type { IdList } from "./id-list.ts";

/**
 * The part of encoding behind the added tokens. `start` is where `text` begins in the whole input:
 * some pre-tokenizers treat the beginning unlike the rest.
 */
export type EncodeText = (text: string, start: number, out: IdList) => void;
