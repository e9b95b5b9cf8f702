import type { Tokenizer } from "@dyn/tokenizer";

export interface TokenName {
  /** The token's own text; half a character shows as U+FFFD. */
  readonly text: string;
  readonly bytes: readonly number[];
}

/** How tokens are called in log-probabilities. Grows to the vocabulary's size at most. */
export class TokenNames {
  readonly #tokenizer: Tokenizer;
  readonly #names = new Map<number, TokenName>();

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** `asIds`: `token_id:17` in place of the text. */
  nameOf(tokenId: number, asIds: boolean): TokenName {
    if (asIds) return nameBytes(Buffer.from(`token_id:${tokenId}`));
    const known = this.#names.get(tokenId);
    if (known !== undefined) return known;
    const name = nameBytes(this.#tokenizer.idToBytes(tokenId));
    if (tokenId < this.#tokenizer.vocabSize) this.#names.set(tokenId, name);
    return name;
  }
}

function nameBytes(bytes: Uint8Array): TokenName {
  return { text: Buffer.from(bytes).toString("utf8"), bytes: Array.from(bytes) };
}
