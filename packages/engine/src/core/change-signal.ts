/** Says that something changed, so that whoever waits for it, or drives the engine, looks again. */
export class ChangeSignal {
  readonly #waiters = new Set<() => void>();
  #listener: () => void = () => {};

  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  /** Resolves at the next change. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiters.add(resolve));
  }

  emit(): void {
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
    this.#listener();
  }
}
