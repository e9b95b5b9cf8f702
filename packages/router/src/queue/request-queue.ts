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
  /** Shown in errors. */
  readonly className?: string;
}

export const defaultQueueSettings: QueueSettings = Object.freeze({
  policy: "fcfs",
  thresholdFrac: null,
  thresholdTokens: null,
  maxRequestsPerWorker: 1024,
  maxTokensPerWorker: Number.POSITIVE_INFINITY,
});

export interface QueuedRequest {
  readonly tokenCount: number;
  /** Seconds that it jumps ahead. */
  readonly priorityJump: number;
  /** Higher ones leave first, whatever else. */
  readonly strictPriority: number;
}

interface Waiting extends QueuedRequest {
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
  readonly #onRefused: (what: "requests" | "tokens") => void;
  readonly #startMs: number;
  #waiting: Waiting[] = [];
  #tokens = 0;
  #order = 0;

  constructor(options: {
    readonly settings: QueueSettings;
    readonly now: () => number;
    /** Whether some worker may take the next one. */
    readonly hasRoom: () => boolean;
    readonly workerCount: () => number;
    readonly onRefused?: (what: "requests" | "tokens") => void;
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

  get depth(): number {
    return this.#waiting.length;
  }

  /** Milliseconds waited. Throws an OverloadedError when the queue is full, the signal's reason when it aborts. */
  async enter(request: QueuedRequest, signal: AbortSignal | undefined): Promise<number> {
    if (this.#waiting.length === 0 && this.#hasRoom()) return 0;
    const workers = Math.max(1, this.#workerCount());
    const { maxRequestsPerWorker, maxTokensPerWorker } = this.#settings;
    const most = maxRequestsPerWorker * workers;
    if (this.#waiting.length >= most) {
      this.#onRefused("requests");
      throw queueFull(this.#waiting.length, most, "requests");
    }
    const mostTokens = maxTokensPerWorker * workers;
    if (this.#tokens + request.tokenCount > mostTokens) {
      this.#onRefused("tokens");
      throw queueFull(this.#tokens, mostTokens, "prompt tokens");
    }
    signal?.throwIfAborted();
    const enteredMs = this.#now();
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        ...request,
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
  }

  #remove(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    this.#tokens -= waiting.tokenCount;
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  if (a.strictPriority !== b.strictPriority) return a.strictPriority > b.strictPriority;
  if (a.key !== b.key) return a.key > b.key;
  return a.order < b.order;
}
