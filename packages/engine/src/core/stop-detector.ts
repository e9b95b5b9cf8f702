// Finds the user's stop strings and patterns in the text of one choice. It never changes what is emitted.
import type { SamplingParams } from "../contract/sampling-params.ts";
import { PatternMatcher } from "./pattern-matcher.ts";
import type { TokenDecoder } from "./token-decoder.ts";

/** A pattern sees at most so many characters before the newest text. */
const patternWindow = 1024;

export class StopDetector {
  readonly #decoder: TokenDecoder;
  readonly #stops: readonly string[];
  readonly #patterns: PatternMatcher | null;
  readonly #keep: number;
  /** End of the text so far. At most #keep characters. */
  #tail = "";

  constructor(params: SamplingParams, decoder: TokenDecoder) {
    this.#decoder = decoder;
    this.#stops = params.stop.filter((stop) => stop.length > 0);
    this.#patterns = params.stopRegex.length === 0 ? null : new PatternMatcher(params.stopRegex);
    const longest = Math.max(0, ...this.#stops.map((stop) => stop.length));
    this.#keep =
      this.#patterns === null ? Math.max(longest - 1, 0) : Math.max(longest, patternWindow);
  }

  /** Tokens that were checked elsewhere. */
  skip(ids: ArrayLike<number>): void {
    this.#remember(this.#tail + this.#decoder.push(ids));
  }

  /** The stop string or pattern that these tokens completed; the one that begins first, of several. */
  push(ids: ArrayLike<number>): string | null {
    const piece = this.#decoder.push(ids);
    if (piece === "") return null;
    const window = this.#tail + piece;
    this.#remember(window);
    return this.#findStop(window) ?? this.#patterns?.find(window) ?? null;
  }

  #findStop(window: string): string | null {
    let found: string | null = null;
    let foundAt = Number.POSITIVE_INFINITY;
    for (const stop of this.#stops) {
      const at = window.indexOf(stop);
      if (at >= 0 && at < foundAt) {
        found = stop;
        foundAt = at;
      }
    }
    return found;
  }

  #remember(text: string): void {
    this.#tail = this.#keep === 0 ? "" : text.slice(-this.#keep);
  }
}
