// Who waits, in which order, and how many may. Sequences that wait for a sibling to compute their prompt are counted, not listed.
import { OverloadedError } from "@dyn/protocol";
import type { RequestGroup } from "./request-group.ts";
import type { Sequence } from "./sequence.ts";
import { leastPreferred } from "./victims.ts";

export class WaitingQueue {
  /** In order of admission; policies sort it in place. */
  readonly list: Sequence[] = [];
  readonly #maxQueuedRequests: number | null;
  #pendingCount = 0;
  #queuedRequests = 0;
  #queueNumber = 0;

  constructor(maxQueuedRequests: number | null) {
    this.#maxQueuedRequests = maxQueuedRequests;
  }

  /** All that wait, pending ones included. */
  get count(): number {
    return this.list.length + this.#pendingCount;
  }

  /** Of those that wait: how many were computed on before, or their siblings. */
  get begunCount(): number {
    let count = 0;
    for (const { group } of this.list) if (group.hasLeftQueue) count++;
    return count;
  }

  /**
   * Throws OverloadedError when the queue is full. With `byPriority` the request of lowest priority makes room
   * for a better one: it is returned, to be ended by the caller.
   */
  findRoom(group: RequestGroup, byPriority: boolean): RequestGroup | null {
    const limit = this.#maxQueuedRequests;
    if (limit === null || this.#queuedRequests < limit) return null;
    const victim = byPriority ? leastPreferred(this.list) : null;
    if (victim !== null && victim.request.priority < group.request.priority) return victim;
    throw new OverloadedError(
      `The request queue is full: ${this.#queuedRequests} requests wait and ${limit} may. Send it again later, or raise maxQueuedRequests.`,
      { code: "DYN_ENGINE_QUEUE_FULL" },
    );
  }

  /** `shares`: the prompt is worth waiting for until one choice has computed it. */
  addRequest(group: RequestGroup, shares: boolean): void {
    const open = group.sequences.filter((sequence) => sequence.state !== "finished");
    const first = open[0];
    if (first === undefined) return;
    this.#queuedRequests++;
    this.add(first);
    for (const sequence of open.slice(1)) {
      if (shares) {
        sequence.state = "pending";
        sequence.queueNumber = first.queueNumber;
        this.#pendingCount++;
      } else {
        this.add(sequence);
      }
    }
  }

  /** At the end. */
  add(sequence: Sequence): void {
    sequence.state = "waiting";
    sequence.queueNumber = this.#queueNumber++;
    this.list.push(sequence);
  }

  /** It is admitted, or ends. Whoever does not wait is passed over. */
  remove(sequence: Sequence): void {
    if (sequence.state === "pending") this.#pendingCount--;
    const at = this.list.indexOf(sequence);
    if (at < 0) return;
    this.list.splice(at, 1);
    if (sequence.group.hasLeftQueue) return;
    sequence.group.hasLeftQueue = true;
    this.#queuedRequests--;
  }

  /** The prompt is in the cache: the other choices may go. Returns whether there were any. */
  releaseSiblings(group: RequestGroup): boolean {
    if (group.siblingsReleased) return false;
    group.siblingsReleased = true;
    return this.#unblock(group.sequences.filter(({ state }) => state === "pending"));
  }

  /** The choice that was to compute the prompt ended before it had: the next one does. */
  replaceFirst(group: RequestGroup): void {
    if (group.siblingsReleased) return;
    const isComputing = group.sequences.some(
      ({ state }) => state !== "pending" && state !== "finished",
    );
    const next = group.sequences.find(({ state }) => state === "pending");
    if (!isComputing && next !== undefined) this.#unblock([next]);
  }

  /** To the front: their request has waited its turn. */
  #unblock(pending: readonly Sequence[]): boolean {
    for (const sequence of pending) sequence.state = "waiting";
    this.list.unshift(...pending);
    this.#pendingCount -= pending.length;
    return pending.length > 0;
  }
}
