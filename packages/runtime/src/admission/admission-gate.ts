// How many requests an endpoint takes at once: so many run, so many wait for their turn, the next one is refused.

export interface AdmissionLimits {
  /** Requests that run at once. */
  readonly runningLimit: number;
  /** Requests that wait beyond those; 0 = none. */
  readonly queueLimit: number;
}

/** A request's place, from its arrival to its end. */
export interface AdmissionPlace {
  /** Resolves when it may run. Rejects with the signal's reason, and has left then. */
  turn(signal: AbortSignal): Promise<void>;
  /** Call it once whatever became of the request; further calls do nothing. */
  leave(): void;
}

export class AdmissionGate {
  readonly #limits: AdmissionLimits;
  /** In the order of arrival. */
  readonly #waiting: Place[] = [];
  #runningCount = 0;
  #refusedCount = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get runningCount(): number {
    return this.#runningCount;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Only grows. */
  get refusedCount(): number {
    return this.#refusedCount;
  }

  /** `null`: refused, nothing to leave. */
  enter(): AdmissionPlace | null {
    const place = new Place(() => this.#left(place));
    if (this.#runningCount < this.#limits.runningLimit) {
      this.#runningCount += 1;
      place.grant();
    } else if (this.#waiting.length < this.#limits.queueLimit) {
      this.#waiting.push(place);
    } else {
      this.#refusedCount += 1;
      return null;
    }
    return place;
  }

  #left(place: Place): void {
    if (!place.isGranted) {
      this.#waiting.splice(this.#waiting.indexOf(place), 1);
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#runningCount -= 1;
    else next.grant();
  }
}

class Place implements AdmissionPlace {
  readonly #onLeave: () => void;
  #hasLeft = false;
  #wake: (() => void) | null = null;
  isGranted = false;

  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  grant(): void {
    this.isGranted = true;
    this.#wake?.();
  }

  async turn(signal: AbortSignal): Promise<void> {
    if (!this.isGranted && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    if (!signal.aborted) return;
    this.leave();
    throw signal.reason;
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#onLeave();
  }
}
