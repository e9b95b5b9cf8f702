/** New tokens of one row that one run computes. */
export interface RowSlice {
  /** Of the batch. */
  readonly row: number;
  /** First of its tokens in the batch's tokenIds. */
  readonly tokenStart: number;
  readonly length: number;
  /** Tokens before the first one. */
  readonly pastLength: number;
}
