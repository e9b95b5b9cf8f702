import type { IncrementalDecoder } from "../contract/tokenizer.ts";
import type { TokenDecoder } from "./token-decoder.ts";

/** Runs ids through the steps of a decoder; `tokenOf` gives undefined for ids to leave out. */
export class ChainDecoder implements IncrementalDecoder {
  readonly #steps: readonly TokenDecoder[];
  readonly #tokenOf: (id: number) => string | undefined;
  readonly #emitters: ((token: string) => void)[];
  #text = "";

  constructor(steps: readonly TokenDecoder[], tokenOf: (id: number) => string | undefined) {
    this.#steps = steps;
    this.#tokenOf = tokenOf;
    const emitters: ((token: string) => void)[] = [];
    emitters[steps.length] = (token) => {
      this.#text += token;
    };
    for (let i = steps.length - 1; i >= 0; i--) {
      const next = emitters[i + 1]!;
      const step = steps[i]!;
      emitters[i] = (token) => step.push(token, next);
    }
    this.#emitters = emitters;
  }

  push(ids: ArrayLike<number>): string {
    for (let i = 0; i < ids.length; i++) {
      const token = this.#tokenOf(ids[i]!);
      if (token !== undefined) this.#emitters[0]!(token);
    }
    return this.#take();
  }

  flush(): string {
    for (const [index, step] of this.#steps.entries()) step.flush(this.#emitters[index + 1]!);
    return this.#take();
  }

  #take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }
}
