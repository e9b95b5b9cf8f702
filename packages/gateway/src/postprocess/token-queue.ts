// Log-probabilities travel with the text of their token: a token whose text is held back waits here.
import type { EngineOutputItem } from "@dyn/protocol";
import type { ShownToken } from "./choice-delta.ts";
import { codePointCount } from "./code-point-count.ts";

interface WaitingToken extends ShownToken {
  /** Length of the decoded text, in UTF-16 units, that must be shown before the token is. */
  readonly dueAtLength: number;
  readonly beginsAtLength: number;
}

/** Bounded by what the stop matcher and the decoder hold back. */
export class TokenQueue {
  readonly #waiting: WaitingToken[] = [];
  #decodedLength = 0;
  #decodedCodePoints: number;

  constructor(options: { readonly textOffset: number }) {
    this.#decodedCodePoints = options.textOffset;
  }

  /** `piece`: the text that became certain by the token; empty when it is half a character. */
  push(item: EngineOutputItem, position: number, piece: string): void {
    const beginsAtLength = this.#decodedLength;
    const textOffset = this.#decodedCodePoints;
    this.#decodedLength += piece.length;
    this.#decodedCodePoints += codePointCount(piece);
    this.#waiting.push({
      tokenId: item.token_ids[position]!,
      logprob: item.log_probs?.[position] ?? null,
      top: (item.top_logprobs?.[position] ?? []).map((entry) => ({
        tokenId: entry.token_id,
        logprob: entry.logprob,
      })),
      textOffset,
      beginsAtLength,
      // Half a character is due with the character.
      dueAtLength: piece === "" ? beginsAtLength + 1 : this.#decodedLength,
    });
  }

  /** The tokens whose text is out, given how much of the decoded text has been shown. */
  takeDue(shownLength: number): ShownToken[] {
    let count = 0;
    while (count < this.#waiting.length && this.#waiting[count]!.dueAtLength <= shownLength) {
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** The choice ended: all whose text is at least partly out. */
  takeRest(shownLength: number, isCut: boolean): ShownToken[] {
    const rest = this.#waiting.splice(0);
    return isCut ? rest.filter(({ beginsAtLength }) => beginsAtLength < shownLength) : rest;
  }
}
