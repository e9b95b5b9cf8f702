// Streams that say nothing. A worker can hang with its connections open; nothing below notices that. Silence is counted
// while this process runs: one that was stopped could not hear. A worker that has left discovery may be told to pause, for
// as long as new weights take: it has time, and the request plane finds out whether its process is still there.
import { DynError, UnavailableError } from "@dyn/protocol";

export interface SilenceLimits {
  /** Between two items of a stream that has begun, while its instance is in discovery. */
  readonly begunMs: number;
  /** Of a stream whose instance has left discovery, begun or not. */
  readonly withdrawnMs: number;
  /** Of any stream, begun or not: the operator's own limit. `null`: none. */
  readonly timeoutMs: number | null;
}

export interface WatchedStream {
  /** The instance that was asked. */
  instanceId: bigint | null;
  /** An item came and is with its reader, whose time is not the worker's. */
  handOver(): void;
  /** The next item is awaited. */
  await(): void;
  /** Why it was ended; `null`: it was not. */
  readonly failure: DynError | null;
  end(): void;
}

class Entry implements WatchedStream {
  instanceId: bigint | null = null;
  /** Infinite while the reader has an item. */
  heardAtMs: number;
  hasBegun = false;
  withdrawnAtMs: number | null = null;
  failure: DynError | null = null;
  readonly onSilent: () => void;
  readonly #nowMs: () => number;
  readonly #onEnd: (entry: Entry) => void;

  constructor(nowMs: () => number, onSilent: () => void, onEnd: (entry: Entry) => void) {
    this.onSilent = onSilent;
    this.#nowMs = nowMs;
    this.#onEnd = onEnd;
    this.heardAtMs = nowMs();
  }

  handOver(): void {
    this.heardAtMs = Number.POSITIVE_INFINITY;
    this.hasBegun = true;
  }

  await(): void {
    this.heardAtMs = this.#nowMs();
  }

  end(): void {
    this.#onEnd(this);
  }
}

const intervalMs = 500;
/** Between two looks at most so long counts: one that comes later was held up by this process. */
const mostMs = 2 * intervalMs;

/** One timer for all streams of a client; it rests when it finds none. */
export class SilenceWatch {
  readonly #limits: SilenceLimits;
  readonly #presentIds: () => ReadonlySet<bigint>;
  readonly #entries = new Set<Entry>();
  #timer: NodeJS.Timeout | null = null;
  #lookedMs = 0;
  #awakeAtLookMs = 0;

  /** `presentIds`: the instances that discovery knows. */
  constructor(limits: SilenceLimits, presentIds: () => ReadonlySet<bigint>) {
    this.#limits = limits;
    this.#presentIds = presentIds;
  }

  /** `onSilent` is called at most once, and not after `end`. */
  add(onSilent: () => void): WatchedStream {
    if (this.#timer === null) {
      this.#lookedMs = performance.now();
      this.#timer = setInterval(() => this.#look(), intervalMs).unref();
    }
    const entry = new Entry(this.#awakeMs, onSilent, (ended) => this.#remove(ended));
    this.#entries.add(entry);
    return entry;
  }

  /** A clock that stands still while this process does. */
  readonly #awakeMs = (): number =>
    this.#awakeAtLookMs + Math.min(performance.now() - this.#lookedMs, mostMs);

  #remove(entry: Entry): void {
    this.#entries.delete(entry);
  }

  #look(): void {
    if (this.#entries.size === 0) {
      if (this.#timer !== null) clearInterval(this.#timer);
      this.#timer = null;
      return;
    }
    const nowMs = this.#awakeMs();
    this.#awakeAtLookMs = nowMs;
    this.#lookedMs = performance.now();
    const present = this.#presentIds();
    for (const entry of this.#entries) {
      const isPresent = entry.instanceId === null || present.has(entry.instanceId);
      entry.withdrawnAtMs = isPresent ? null : (entry.withdrawnAtMs ?? nowMs);
      const silentMs = nowMs - entry.heardAtMs;
      const goneMs = entry.withdrawnAtMs === null ? 0 : nowMs - entry.withdrawnAtMs;
      const isGone = Math.min(silentMs, goneMs) > this.#limits.withdrawnMs;
      const { timeoutMs } = this.#limits;
      if (timeoutMs !== null && silentMs > timeoutMs) {
        this.#fail(entry, streamTimeout(timeoutMs));
        continue;
      }
      const isStuck = isPresent && entry.hasBegun && silentMs > this.#limits.begunMs;
      if (!isGone && !isStuck) continue;
      const seconds = Math.round(silentMs / 1000);
      const failure = new UnavailableError(
        `The worker said nothing for ${seconds} s${isGone ? " and has left discovery" : ""}.`,
        { code: "DYN_RUNTIME_DISCONNECTED" },
      );
      this.#fail(entry, failure);
    }
  }

  #fail(entry: Entry, failure: DynError): void {
    entry.failure = failure;
    this.#remove(entry);
    entry.onSilent();
  }
}

function streamTimeout(timeoutMs: number): DynError {
  return new DynError(
    `The worker said nothing for longer than the ${timeoutMs / 1000} s that this server waits for one.`,
    { code: "DYN_RUNTIME_STREAM_TIMEOUT", status: 504, retryable: true },
  );
}
