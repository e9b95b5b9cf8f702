// Where requests wait while every worker is above its share of prefill: the order in which they leave, and how many may wait.
import { queueFull } from "../choice/router-errors.ts";

/** `wspt`: short prompts first, weighted by priority (weighted shortest processing time). */
export type QueuePolicy = "fcfs" | "wspt";

export interface QueueSettings {
  readonly policy: QueuePolicy;
  /** Wait while every worker has more prefill than this share of its largest batch; 0 = while any prefill runs. */
  readonly thresholdFrac: number | null;
  /** The same in tokens; either of the two suffices. */
  readonly thresholdTokens: number | null;
  readonly maxRequestsPerWorker: number;
  /** Prompt tokens that may wait, per worker. */
  readonly maxTokensPerWorker: number;
  /** The same of prompt tokens that a worker has cached. */
  readonly maxCachedTokensPerWorker: number;
  /** Shown in errors. */
  readonly className?: string;
}

export const defaultQueueSettings: QueueSettings = Object.freeze({
  policy: "fcfs",
  thresholdFrac: null,
  thresholdTokens: null,
  maxRequestsPerWorker: 1024,
  maxTokensPerWorker: Number.POSITIVE_INFINITY,
  maxCachedTokensPerWorker: Number.POSITIVE_INFINITY,
});

/** What of a full queue had no more room. */
export type QueueLimit = "requests" | "tokens" | "cachedTokens";

export interface QueuedRequest {
  readonly tokenCount: number;
  /** Prompt tokens that some worker has cached; asked for when the request has to wait. */
  readonly cachedTokens: () => number;
  /** Seconds that it jumps ahead. */
  readonly priorityJump: number;
  /** Higher ones leave first, whatever else. */
  readonly strictPriority: number;
}

interface Waiting {
  readonly tokenCount: number;
  readonly cachedCount: number;
  readonly strictPriority: number;
  /** The largest leaves first within a strict priority. */
  readonly key: number;
  readonly order: number;
  readonly leave: () => void;
}

export class RequestQueue {
  readonly #settings: QueueSettings;
  readonly #now: () => number;
  readonly #hasRoom: () => boolean;
  readonly #workerCount: () => number;
  readonly #onRefused: (what: QueueLimit) => void;
  readonly #startMs: number;
  #waiting: Waiting[] = [];
  #tokens = 0;
  #cachedTokens = 0;
  #order = 0;

  constructor(options: {
    readonly settings: QueueSettings;
    readonly now: () => number;
    /** Whether some worker may take the next one. */
    readonly hasRoom: () => boolean;
    readonly workerCount: () => number;
    readonly onRefused?: (what: QueueLimit) => void;
  }) {
    this.#settings = options.settings;
    this.#now = options.now;
    this.#hasRoom = options.hasRoom;
    this.#workerCount = options.workerCount;
    this.#onRefused = options.onRefused ?? (() => {});
    this.#startMs = options.now();
  }

  /** Prompt tokens that wait. */
  get tokenCount(): number {
    return this.#tokens;
  }

  /** Of these, tokens that some worker had cached when they came. */
  get cachedTokenCount(): number {
    return this.#cachedTokens;
  }

  get depth(): number {
    return this.#waiting.length;
  }

  /** Milliseconds waited. Throws an OverloadedError when the queue is full, the signal's reason when it aborts. */
  async enter(request: QueuedRequest, signal: AbortSignal | undefined): Promise<number> {
    if (this.#waiting.length === 0 && this.#hasRoom()) return 0;
    const { tokenCount, strictPriority } = request;
    const cachedCount = request.cachedTokens();
    this.#refuseWhenFull(tokenCount, cachedCount);
    signal?.throwIfAborted();
    const enteredMs = this.#now();
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        tokenCount,
        cachedCount,
        strictPriority,
        key: this.#key(request, enteredMs),
        order: this.#order++,
        leave: () => {
          signal?.removeEventListener("abort", giveUp);
          resolve();
        },
      };
      const giveUp = () => {
        this.#remove(waiting);
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#insert(waiting);
    });
    return this.#now() - enteredMs;
  }

  /** After anything that may have made room. Lets one go, who calls it again once it is booked. */
  pump(): void {
    const first = this.#waiting[0];
    if (first === undefined || !this.#hasRoom()) return;
    this.#remove(first);
    first.leave();
  }

  /** Throws an OverloadedError. */
  #refuseWhenFull(tokenCount: number, cachedCount: number): void {
    const workers = Math.max(1, this.#workerCount());
    const { maxRequestsPerWorker, maxTokensPerWorker, maxCachedTokensPerWorker } = this.#settings;
    const refuse = (what: QueueLimit, current: number, limit: number, name: string) => {
      this.#onRefused(what);
      throw queueFull(current, limit, name);
    };
    const most = maxRequestsPerWorker * workers;
    if (this.#waiting.length >= most) refuse("requests", this.#waiting.length, most, "requests");
    const mostTokens = maxTokensPerWorker * workers;
    if (this.#tokens + tokenCount > mostTokens) {
      refuse("tokens", this.#tokens, mostTokens, "prompt tokens");
    }
    const mostCached = maxCachedTokensPerWorker * workers;
    if (this.#cachedTokens + cachedCount > mostCached) {
      refuse("cachedTokens", this.#cachedTokens, mostCached, "cached prompt tokens");
    }
  }

  #key({ priorityJump, tokenCount }: QueuedRequest, nowMs: number): number {
    return this.#settings.policy === "wspt"
      ? (1 + priorityJump) / Math.max(1, tokenCount)
      : priorityJump - (nowMs - this.#startMs) / 1000;
  }

  #insert(waiting: Waiting): void {
    let [low, high] = [0, this.#waiting.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(waiting, this.#waiting[middle]!)) high = middle;
      else low = middle + 1;
    }
    this.#waiting.splice(low, 0, waiting);
    this.#tokens += waiting.tokenCount;
    this.#cachedTokens += waiting.cachedCount;
  }

  #remove(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    this.#tokens -= waiting.tokenCount;
    this.#cachedTokens -= waiting.cachedCount;
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  if (a.strictPriority !== b.strictPriority) return a.strictPriority > b.strictPriority;
  if (a.key !== b.key) return a.key > b.key;
  return a.order < b.order;
}
