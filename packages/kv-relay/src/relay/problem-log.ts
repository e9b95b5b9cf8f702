/** Texts beyond this many are not told any more: an engine that is set up wrongly says the same of every step. */
const maxMessages = 100;

/** Tells each problem once. */
export class ProblemLog {
  readonly #told = new Set<string>();
  readonly #onProblem: ((message: string, error: unknown) => void) | undefined;

  constructor(onProblem?: (message: string, error: unknown) => void) {
    this.#onProblem = onProblem;
  }

  tell(message: string, error: unknown = null): void {
    if (this.#told.has(message) || this.#told.size >= maxMessages) return;
    this.#told.add(message);
    this.#onProblem?.(message, error);
  }
}
