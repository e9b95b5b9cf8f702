/** One part of loading a model, when it ended. */
export interface LoadPhase {
  /** `read`: config and headers; `quantize`: only with quantisation; `session`: graph, weights, KV. */
  readonly name: "read" | "quantize" | "session";
  readonly durationMs: number;
  /** What is worth a line in a log: where quantised weights came from. */
  readonly detail: string | null;
}

export class LoadClock {
  readonly #listener: ((phase: LoadPhase) => void) | undefined;
  #start = performance.now();

  constructor(listener: ((phase: LoadPhase) => void) | undefined) {
    this.#listener = listener;
  }

  end(name: LoadPhase["name"], detail: string | null = null): void {
    const now = performance.now();
    this.#listener?.({ name, durationMs: now - this.#start, detail });
    this.#start = now;
  }
}
