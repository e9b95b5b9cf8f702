// Users' regular expressions, run under a time limit: a pattern that backtracks without end must not stop the engine.
import { createContext, Script } from "node:vm";
import { InvalidArgumentError } from "@dyn/protocol";

/** Far more than an honest pattern needs for one window. */
const timeLimitMs = 50;

export class PatternMatcher {
  readonly #patterns: readonly { readonly source: string; readonly pattern: RegExp }[];
  readonly #sandbox = createContext({ pattern: null as RegExp | null, text: "" });
  readonly #script = new Script("pattern.test(text)");

  constructor(sources: readonly string[]) {
    this.#patterns = sources.map((source) => ({ source, pattern: compile(source) }));
  }

  /** The first pattern that matches somewhere in the text, as the user wrote it, else `null`. */
  find(text: string): string | null {
    for (const { source, pattern } of this.#patterns) {
      this.#sandbox.pattern = pattern;
      this.#sandbox.text = text;
      if (this.#run(source)) return source;
    }
    return null;
  }

  #run(source: string): boolean {
    try {
      return this.#script.runInContext(this.#sandbox, { timeout: timeLimitMs }) as boolean;
    } catch (cause) {
      throw new InvalidArgumentError(
        `stop_regex ${JSON.stringify(source)} took over ${timeLimitMs} ms on one piece of text; use a pattern without nested repetition.`,
        { param: "stop_regex", cause },
      );
    }
  }
}

function compile(source: string): RegExp {
  try {
    return new RegExp(source, "u");
  } catch (cause) {
    throw new InvalidArgumentError(
      `stop_regex ${JSON.stringify(source)} is not a regular expression: ${(cause as Error).message}.`,
      { param: "stop_regex", cause },
    );
  }
}
