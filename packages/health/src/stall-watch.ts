import type { HealthCheck } from "./health-state.ts";

/** Looks this often within the time that a stall must last. */
const looksPerStall = 8;
const longestLookMs = 5_000;

/** Asks a check by the clock, for those who must act on what it finds and not wait until somebody asks for a report. */
export class StallWatch {
  readonly #timer: NodeJS.Timeout;

  constructor(options: {
    readonly check: HealthCheck;
    /** The time after which `check` calls a stall one. */
    readonly stallMs: number;
    /** Told when the answer changes; `null`: it goes on. */
    readonly onChange: (problem: string | null) => void;
  }) {
    const { check, stallMs, onChange } = options;
    let known: string | null = null;
    this.#timer = setInterval(
      () => {
        const found = check();
        if ((found === null) !== (known === null)) onChange(found);
        known = found;
      },
      Math.min(longestLookMs, Math.max(10, stallMs / looksPerStall)),
    );
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
