/** Variables of a block. Reading looks outwards, writing stays here. */
export class Scope {
  readonly #variables = new Map<string, unknown>();
  readonly #parent: Scope | null;
  /** Nesting of for loops. */
  readonly loopDepth: number;

  constructor(parent: Scope | null, loopDepth = parent?.loopDepth ?? 0) {
    this.#parent = parent;
    this.loopDepth = loopDepth;
  }

  get(name: string): unknown {
    for (let scope: Scope | null = this; scope !== null; scope = scope.#parent) {
      const value = scope.#variables.get(name);
      if (value !== undefined || scope.#variables.has(name)) return value;
    }
    return undefined;
  }

  set(name: string, value: unknown): void {
    this.#variables.set(name, value);
  }
}
