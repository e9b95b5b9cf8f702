// One worker rank's events, applied in order and without gaps: what was missed is asked for, what came meanwhile waits.
// Nothing here knows of planes: `query` and `wait` are given.
import type { KvIndex, KvQueryAnswer, RouterEvent } from "@dyn/kv-events";
import type { RankId } from "../load/active-requests.ts";

export interface SourceCounters {
  appliedEvents: number;
  storedBlocks: number;
  /** At or below the cursor: told before. */
  repeatedEvents: number;
  gaps: number;
  recoveries: number;
  failedQueries: number;
  /** Batches that named another worker or rank than their source does. */
  foreignBatches: number;
  /** Stored events without a block: the engine counts in blocks of another size than its card says. */
  emptyStored: number;
}

export interface SourceFollowerOptions {
  readonly rank: RankId;
  readonly index: KvIndex;
  /** Asks the worker; `null` start = everything. `null`: it keeps no index, events are all there is. */
  readonly query:
    | ((startEventId: number | null, signal: AbortSignal) => Promise<KvQueryAnswer>)
    | null;
  /** Rejects with the signal's reason. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onProblem: (message: string, error: unknown) => void;
  readonly onApplied?: (event: RouterEvent, outcome: string) => void;
  /** Once: what the rank has is in the index, and what it tells goes there. */
  readonly onActive?: () => void;
}

const firstRetryMs = 200;
const maxRetries = 8;
/** After the retries: what is known of the rank is dropped, and everything asked for again so often. */
const giveUpPauseMs = 30_000;
/** Live events that wait for a recovery. Beyond, they are dropped and asked for. */
const maxHeld = 65_536;

export class SourceFollower {
  readonly rank: RankId;
  readonly counters: SourceCounters = {
    appliedEvents: 0,
    storedBlocks: 0,
    repeatedEvents: 0,
    gaps: 0,
    recoveries: 0,
    failedQueries: 0,
    foreignBatches: 0,
    emptyStored: 0,
  };
  readonly #options: SourceFollowerOptions;
  readonly #end = new AbortController();
  /** Id of the newest event that is in the index; `null`: none yet. */
  #cursor: number | null = null;
  #held: RouterEvent[] = [];
  #recovering: Promise<void> | null = null;
  #isActive = false;

  constructor(options: SourceFollowerOptions) {
    this.#options = options;
    this.rank = options.rank;
  }

  get cursor(): number | null {
    return this.#cursor;
  }

  /** It was caught up with at least once. */
  get isActive(): boolean {
    return this.#isActive;
  }

  get isRecovering(): boolean {
    return this.#recovering !== null;
  }

  /** Asks for what is there. */
  start(): void {
    if (this.#options.query !== null) this.#recover(null);
    else this.#activate();
  }

  /** Resolves when no recovery runs. */
  async settled(): Promise<void> {
    while (this.#recovering !== null) await this.#recovering;
  }

  /** The last events may have been lost with none behind them to show it: asks whether there are newer ones. */
  checkTail(): void {
    if (this.#recovering !== null || this.#cursor === null) return;
    if (this.#options.query !== null) this.#recover(this.#cursor + 1);
  }

  accept(events: readonly RouterEvent[]): void {
    if (this.#end.signal.aborted) return;
    const { workerId, dpRank } = this.rank;
    if (events.some((event) => event.workerId !== workerId || event.dpRank !== dpRank)) {
      this.counters.foreignBatches += 1;
      return;
    }
    for (const event of events) this.#take(event);
  }

  /** Forgets the rank. */
  close(): void {
    this.#end.abort(new Error("The source is gone."));
    this.#held = [];
    this.#options.index.removeWorker(this.rank.workerId, this.rank.dpRank);
  }

  #activate(): void {
    if (this.#isActive) return;
    this.#isActive = true;
    this.#options.onActive?.();
  }

  #take(event: RouterEvent): void {
    if (this.#recovering !== null) {
      if (this.#held.length >= maxHeld) this.#held = [];
      this.#held.push(event);
      return;
    }
    const cursor = this.#cursor;
    if (cursor !== null && event.eventId <= cursor) {
      this.counters.repeatedEvents += 1;
      return;
    }
    if (this.#options.query === null) {
      if (cursor !== null && event.eventId > cursor + 1) {
        this.counters.gaps += 1;
        this.#clear();
      }
      this.#apply(event);
    } else if (cursor !== null && event.eventId === cursor + 1) {
      this.#apply(event);
    } else {
      this.counters.gaps += 1;
      this.#held.push(event);
      this.#recover(cursor === null ? null : cursor + 1);
    }
  }

  #apply(event: RouterEvent): void {
    const outcome = this.#options.index.apply(event);
    this.#cursor = event.eventId;
    this.counters.appliedEvents += 1;
    if (event.data.type === "stored") {
      this.counters.storedBlocks += event.data.blockHashes.length;
      if (event.data.blockHashes.length === 0) this.counters.emptyStored += 1;
    }
    this.#options.onApplied?.(event, outcome);
  }

  #clear(): void {
    this.#options.index.applyCleared(this.rank.workerId, this.rank.dpRank);
  }

  #recover(start: number | null): void {
    this.#recovering = this.#runRecovery(start)
      .catch((error: unknown) => {
        if (!this.#end.signal.aborted) this.#options.onProblem("A recovery failed.", error);
      })
      .finally(() => {
        this.#recovering = null;
        if (this.#end.signal.aborted) return;
        this.#activate();
        this.#release();
      });
  }

  /** Until the worker has answered, or is gone. */
  async #runRecovery(start: number | null): Promise<void> {
    const { signal } = this.#end;
    this.counters.recoveries += 1;
    let from = start;
    for (let failures = 0; ; ) {
      signal.throwIfAborted();
      try {
        const answer = await this.#options.query!(from, signal);
        signal.throwIfAborted();
        if (this.#use(answer)) return;
        throw new Error(`The worker answered a KV query with ${describe(answer)}.`);
      } catch (error) {
        signal.throwIfAborted();
        this.counters.failedQueries += 1;
        failures += 1;
        if (failures <= maxRetries) {
          await this.#options.wait(firstRetryMs * 2 ** (failures - 1), signal);
          continue;
        }
        this.#options.onProblem(
          `Worker ${this.rank.workerId.toString(16)} rank ${this.rank.dpRank} does not tell what it has cached; the router takes it for empty and asks again.`,
          error,
        );
        this.#clear();
        from = null;
        failures = 0;
        await this.#options.wait(giveUpPauseMs, signal);
      }
    }
  }

  /** Whether the answer settles the matter. */
  #use(answer: KvQueryAnswer): boolean {
    switch (answer.type) {
      case "treeDump":
        this.#clear();
        for (const event of answer.events) {
          const outcome = this.#options.index.apply(event);
          this.#options.onApplied?.(event, outcome);
        }
        this.#cursor = answer.lastEventId;
        return true;
      case "events":
        for (const event of answer.events) {
          if (this.#cursor === null || event.eventId > this.#cursor) this.#apply(event);
        }
        this.#cursor = Math.max(this.#cursor ?? 0, answer.lastEventId);
        return true;
      case "tooNew": {
        // Nothing newer than the live events that wait: they go on from where they are.
        const first = this.#held.reduce((least, { eventId }) => Math.min(least, eventId), Infinity);
        const cursor = this.#cursor ?? answer.newestAvailable;
        if (first !== Infinity && first > cursor + 1) this.#cursor = first - 1;
        else this.#cursor = cursor;
        return true;
      }
      default:
        return false;
    }
  }

  /** Takes what waited; a gap in it begins the next recovery. */
  #release(): void {
    const held = this.#held.sort((a, b) => a.eventId - b.eventId);
    this.#held = [];
    for (const event of held) this.#take(event);
  }
}

function describe(answer: KvQueryAnswer): string {
  return "message" in answer ? `${answer.type}: ${answer.message}` : answer.type;
}
