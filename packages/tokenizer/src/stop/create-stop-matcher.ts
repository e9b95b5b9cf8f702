// Stop strings in a stream of text pieces. Never lets out text that may still become a stop string,
// never holds back text that cannot.
import { InvalidArgumentError } from "@dyn/protocol";
import type { StopMatcher } from "../contract/stop-matcher.ts";

const maxStopCount = 32;
/** In UTF-16 units. */
const maxStopLength = 1024;

/**
 * Each push decides on all text so far: a stop string that is complete ends the stream at once, also when
 * a longer one could still grow from the same place. Work is proportional to text length times stop count.
 */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  if (stops.length > maxStopCount) {
    throw new InvalidArgumentError(
      `stop has ${stops.length} strings; at most ${maxStopCount} are allowed.`,
      { param: "stop" },
    );
  }
  for (const [index, stop] of stops.entries()) {
    if (stop.length === 0 || stop.length > maxStopLength) {
      throw new InvalidArgumentError(
        `stop[${index}] has ${stop.length} characters; 1 to ${maxStopLength} are allowed.`,
        { param: "stop" },
      );
    }
  }
  return new AutomatonStopMatcher([...new Set(stops)]);
}

class AutomatonStopMatcher implements StopMatcher {
  readonly #automata: readonly StopAutomaton[];
  #held = "";
  #matched: string | null = null;

  constructor(stops: readonly string[]) {
    this.#automata = stops.map((stop) => new StopAutomaton(stop));
  }

  push(text: string): { readonly text: string; readonly matched: string | null } {
    if (this.#matched !== null) return { text: "", matched: this.#matched };
    const all = this.#held + text;
    let matchStart = all.length;
    let heldLength = 0;
    for (const automaton of this.#automata) {
      const end = automaton.advance(text);
      if (end === -1) {
        heldLength = Math.max(heldLength, automaton.partialLength);
        continue;
      }
      const start = this.#held.length + end - automaton.stop.length;
      if (start < matchStart || (start === matchStart && this.#isLonger(automaton.stop))) {
        matchStart = start;
        this.#matched = automaton.stop;
      }
    }
    const shownLength = this.#matched === null ? all.length - heldLength : matchStart;
    this.#held = this.#matched === null ? all.slice(shownLength) : "";
    return { text: all.slice(0, shownLength), matched: this.#matched };
  }

  flush(): string {
    const rest = this.#held;
    this.#held = "";
    for (const automaton of this.#automata) automaton.reset();
    return rest;
  }

  #isLonger(stop: string): boolean {
    return this.#matched !== null && stop.length > this.#matched.length;
  }
}

/** Knuth-Morris-Pratt over one stop string, fed piece by piece. */
class StopAutomaton {
  readonly stop: string;
  /** Units of the stop string that the text ends with now. */
  partialLength = 0;
  readonly #fallback: Uint16Array;

  constructor(stop: string) {
    this.stop = stop;
    this.#fallback = new Uint16Array(stop.length);
    for (let i = 1, k = 0; i < stop.length; i++) {
      k = this.#step(k, stop.charCodeAt(i));
      this.#fallback[i] = k;
    }
  }

  /** Index in `text` behind the first complete match, or -1. */
  advance(text: string): number {
    for (let i = 0; i < text.length; i++) {
      this.partialLength = this.#step(this.partialLength, text.charCodeAt(i));
      if (this.partialLength === this.stop.length) return i + 1;
    }
    return -1;
  }

  reset(): void {
    this.partialLength = 0;
  }

  #step(length: number, unit: number): number {
    let k = length;
    while (k > 0 && this.stop.charCodeAt(k) !== unit) k = this.#fallback[k - 1] ?? 0;
    return this.stop.charCodeAt(k) === unit ? k + 1 : k;
  }
}
