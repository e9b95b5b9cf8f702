/**
 * Variables of a block. Reading looks outwards, writing stays here. Blocks have few variables and are entered often:
 * a list that is walked is made and read faster than a map.
 */
export class Scope {
  readonly #names: string[] = [];
  readonly #values: unknown[] = [];
  readonly #parent: Scope | null;
  /** Nesting of for loops. */
  readonly loopDepth: number;

  constructor(parent: Scope | null, loopDepth = parent?.loopDepth ?? 0) {
    this.#parent = parent;
    this.loopDepth = loopDepth;
  }

  get(name: string): unknown {
    for (let scope: Scope | null = this; scope !== null; scope = scope.#parent) {
      const at = scope.#names.indexOf(name);
      if (at !== -1) return scope.#values[at];
    }
    return undefined;
  }

  set(name: string, value: unknown): void {
    const at = this.#names.indexOf(name);
    if (at !== -1) this.#values[at] = value;
    else {
      this.#names.push(name);
      this.#values.push(value);
    }
  }
}
