/**
 * Finds stop strings in a stream of text pieces and holds back what may become one.
 * The earliest match in the text wins; of several that start there, the longest that is complete.
 */
export interface StopMatcher {
  /** Text that can be shown now. After a match `matched` is the stop string and all later text is dropped. */
  push(text: string): { readonly text: string; readonly matched: string | null };
  /** The stream ended without a match: what was held back. */
  flush(): string;
}
