// The line of one class: in which order its requests leave, and how many may wait.
import { queueFull } from "../choice/router-errors.ts";
import type { QueueClass } from "./queue-classes.ts";
import type { QueueLimit } from "./request-queue.ts";

export interface Waiting {
  readonly tokenCount: number;
  /** Of these, tokens that some worker had cached when it came. */
  readonly cachedCount: number;
  /** Higher ones leave first, whatever else. */
  readonly strictPriority: number;
  /** The largest leaves first within a strict priority. */
  readonly key: number;
  readonly order: number;
  readonly leave: () => void;
}

export class WaitingLine {
  readonly queueClass: QueueClass;
  /** Prompt tokens that it may let go at once: what it did not use of its share, see RequestQueue. */
  credit = 0;
  #waiting: Waiting[] = [];
  #tokens = 0;
  #cachedTokens = 0;

  constructor(queueClass: QueueClass) {
    this.queueClass = queueClass;
  }

  get first(): Waiting | undefined {
    return this.#waiting[0];
  }

  get depth(): number {
    return this.#waiting.length;
  }

  /** Prompt tokens that wait. */
  get tokenCount(): number {
    return this.#tokens;
  }

  get cachedTokenCount(): number {
    return this.#cachedTokens;
  }

  /** Throws an OverloadedError where the line has no room for the request. */
  refuseWhenFull(
    tokenCount: number,
    cachedCount: number,
    workerCount: number,
    onRefused: (what: QueueLimit) => void,
  ): void {
    const workers = Math.max(1, workerCount);
    const { maxRequestsPerWorker, maxTokensPerWorker, maxCachedTokensPerWorker } = this.queueClass;
    const refuse = (what: QueueLimit, current: number, limit: number, name: string) => {
      onRefused(what);
      throw queueFull(this.queueClass.className, { current, limit, what: name });
    };
    const most = maxRequestsPerWorker * workers;
    if (this.depth >= most) refuse("requests", this.depth, most, "requests");
    const mostTokens = maxTokensPerWorker * workers;
    if (this.#tokens + tokenCount > mostTokens) {
      refuse("tokens", this.#tokens, mostTokens, "prompt tokens");
    }
    const mostCached = maxCachedTokensPerWorker * workers;
    if (this.#cachedTokens + cachedCount > mostCached) {
      refuse("cachedTokens", this.#cachedTokens, mostCached, "cached prompt tokens");
    }
  }

  insert(waiting: Waiting): void {
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

  remove(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    this.#tokens -= waiting.tokenCount;
    this.#cachedTokens -= waiting.cachedCount;
    if (this.#waiting.length === 0) this.credit = 0;
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  if (a.strictPriority !== b.strictPriority) return a.strictPriority > b.strictPriority;
  if (a.key !== b.key) return a.key > b.key;
  return a.order < b.order;
}
