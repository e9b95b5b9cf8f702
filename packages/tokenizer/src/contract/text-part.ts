/**
 * Text whose ids depend on nothing around it: what stands between two added tokens, or a whole input where a
 * tokenizer has none. Equal parts have equal ids.
 */
export interface TextPart {
  readonly text: string;
  /**
   * Some tokenizers treat the beginning of the input unlike the rest. `framed`: the whole input, and the
   * tokens that the post-processor sets around it belong to its ids.
   */
  readonly place: "first" | "later" | "framed";
}
