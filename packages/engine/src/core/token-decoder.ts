/** Text of one stream, token by token: what @dyn/tokenizer calls an IncrementalDecoder. */
export interface TokenDecoder {
  /** Text that became certain by these ids; may be empty. */
  push(ids: ArrayLike<number>): string;
  /** What was held back. */
  flush(): string;
}
