// Ends reasoning that has become too long: after its budget nothing may follow but the marker that closes it.
// Its state is the tokens of the choice, so whoever replays them stands where this stood.
import type { ThinkingBudget } from "../contract/generate-request.ts";
import { TokenPattern } from "./token-pattern.ts";

export class ThinkingBound {
  readonly #budget: number;
  readonly #opener: TokenPattern | null;
  readonly #closer: TokenPattern;
  readonly #enders: readonly TokenPattern[];
  #isOpen: boolean;
  /** Over all that was thought: who opens again has no new budget. */
  #count = 0;

  constructor({ maxTokens, openIds, closeIds, enderIds, isOpen }: ThinkingBudget) {
    this.#budget = maxTokens;
    this.#opener = openIds.length === 0 ? null : new TokenPattern(openIds);
    this.#closer = new TokenPattern(closeIds);
    this.#enders = enderIds.map((ids) => new TokenPattern(ids));
    this.#isOpen = isOpen;
  }

  /** The only id that may come next; `null`: any. */
  get forcedId(): number | null {
    return this.#isOpen && this.#count >= this.#budget ? this.#closer.nextId : null;
  }

  accept(id: number): void {
    if (!this.#isOpen) {
      if (this.#opener?.accept(id)) this.#isOpen = true;
      return;
    }
    let isEnd = this.#closer.accept(id);
    for (const ender of this.#enders) isEnd = ender.accept(id) || isEnd;
    if (isEnd) this.#isOpen = false;
    else this.#count++;
  }
}
