// Who gets pages next: the prefill of a step, from the cut prompt and the queue, in the policy's order and within the
// budget. Nothing is computed here, and what runs is touched only to make room for a better request.
import type { CacheNode, PageCache } from "../cache/page-cache.ts";
import type { PagePool } from "../cache/page-pool.ts";
import { estimateNewTokens, type NewTokenRatio } from "./new-token-ratio.ts";
import type { PageHolders } from "./page-holders.ts";
import { createPolicy } from "./policy/create-policy.ts";
import type { SchedulePolicy } from "./policy/schedule-policy.ts";
import { PrefillBudget } from "./prefill-budget.ts";
import type { SchedulerOptions } from "./scheduler-options.ts";
import type { Sequence } from "./sequence.ts";
import type { SequenceMemory } from "./sequence-memory.ts";
import { choosePreempted } from "./victims.ts";
import type { WaitingQueue } from "./waiting-queue.ts";

export interface AdmissionOptions {
  readonly scheduler: SchedulerOptions;
  readonly cache: PageCache<CacheNode>;
  readonly pool: PagePool;
  readonly pageSize: number;
  /** Largest chunk of a sequence whose prompt log-probabilities are wanted: bounds the logits of a step. */
  readonly logprobChunkTokens: number;
  readonly random: () => number;
  readonly memory: SequenceMemory;
  readonly queue: WaitingQueue;
  readonly holders: PageHolders;
  readonly ratio: NewTokenRatio;
  /** It has pages for KV that comes from another engine. */
  awaitsKv(sequence: Sequence): void;
  /** Takes a running sequence's pages and queues it again. */
  retract(sequence: Sequence): void;
}

/** After a failed admission, decode steps until the next attempt if nothing else changes meanwhile. */
const retryAfterDecodes = 16;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #queue: WaitingQueue;
  readonly #holders: PageHolders;
  readonly #memory: SequenceMemory;
  readonly #policy: SchedulePolicy;
  readonly #logprobChunkTokens: number;
  /** Decode steps to go before admission is tried again; 0 = try now. */
  #pause = 0;
  /** Nothing leaves the queue that has not left it before. */
  #isHeld = false;

  constructor(options: AdmissionOptions) {
    const { pageSize } = options;
    this.#options = options;
    this.#queue = options.queue;
    this.#holders = options.holders;
    this.#memory = options.memory;
    this.#policy = createPolicy(options.scheduler.policy);
    this.#logprobChunkTokens = Math.max(
      pageSize,
      Math.floor(options.logprobChunkTokens / pageSize) * pageSize,
    );
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  get isByPriority(): boolean {
    return this.#policy.name === "priority";
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.retry();
  }

  /** Something changed: what had no room may have some. */
  retry(): void {
    this.#pause = 0;
  }

  decodeStep(): void {
    if (this.#pause > 0) this.#pause--;
  }

  /** The prefill of a step, with pages allocated; empty when nobody has room. */
  plan(): Sequence[] {
    const rows: Sequence[] = [];
    const { chunked, running } = this.#holders;
    const { list } = this.#queue;
    const paused = this.#pause > 0 && running.length > 0;
    const someWait = this.#isHeld ? this.#queue.begunCount > 0 : list.length > 0;
    const admits = someWait && !paused && this.#hasRoom();
    if (admits) this.#orderWaiting();
    if (!admits && chunked === null) return rows;
    const budget = this.#createBudget();
    if (chunked !== null) {
      // Without pages for it nobody else gets any either: it would wait forever.
      if (!this.#admitChunk(chunked, budget)) return rows;
      rows.push(chunked);
    }
    if (!admits) return rows;
    let remoteCount = 0;
    const anyAwaitsKv = list.some(({ awaitsKv }) => awaitsKv);
    for (const sequence of list.slice()) {
      if (this.#slotsLeft(rows) <= 0) break;
      if (this.#isHeld && !sequence.group.hasLeftQueue) continue;
      if (sequence.awaitsKv) {
        if (!this.#admitRemote(sequence, budget, rows)) break;
        remoteCount++;
        continue;
      }
      if (budget.isSpent || isCut(rows.at(-1))) {
        // The step is full; what needs no step may still have its pages.
        if (anyAwaitsKv) continue;
        break;
      }
      if (!this.#admit(sequence, budget, rows)) break;
      rows.push(sequence);
    }
    if (rows.length + remoteCount === 0) this.#pause = retryAfterDecodes;
    return rows;
  }

  #hasRoom(): boolean {
    return this.#slotsLeft([]) > 0 || this.#mayPreempt();
  }

  #orderWaiting(): void {
    const { cache, pageSize, random } = this.#options;
    const { running } = this.#holders;
    this.#policy.order(this.#queue.list, { cache, pageSize, running, random });
    if (this.#mayPreempt()) this.#preemptFor(this.#queue.list[0]!);
  }

  #createBudget(): PrefillBudget {
    const { scheduler, cache, pool, pageSize, ratio } = this.#options;
    let expected = 0;
    for (const sequence of this.#holders.running) expected += estimateNewTokens(sequence);
    for (const sequence of this.#holders.receiving) expected += estimateNewTokens(sequence);
    const available = (pool.freeCount + cache.evictablePages) * pageSize;
    return new PrefillBudget({
      pageSize,
      availableTokens: available - expected * ratio.value,
      maxPrefillTokens: scheduler.maxPrefillTokens,
      chunkedPrefillSize: scheduler.chunkedPrefillSize,
    });
  }

  #slotsLeft(rows: readonly Sequence[]): number {
    const { running, receiving, chunked } = this.#holders;
    const holding = chunked !== null && !rows.includes(chunked) ? 1 : 0;
    const taken = running.length + receiving.size + holding + rows.length;
    return this.#options.scheduler.maxRunningRequests - taken;
  }

  /** The next piece of the cut prompt; `false` when there are no pages for it now. */
  #admitChunk(sequence: Sequence, budget: PrefillBudget): boolean {
    const rest = sequence.length - sequence.computed;
    const piece = budget.chunk(rest, this.#chunkLimit(sequence));
    if (piece === 0 || !this.#memory.allocate(sequence, sequence.computed + piece)) return false;
    sequence.planned = piece;
    budget.charge(piece, piece === rest ? estimateNewTokens(sequence) : 0);
    return true;
  }

  /** Gives a waiting sequence its cached prefix and pages for its first piece; `false` leaves it as it was. */
  #admit(sequence: Sequence, budget: PrefillBudget, rows: readonly Sequence[]): boolean {
    const piece = this.#takePages(sequence, budget, rows);
    if (piece === 0) return false;
    const isWhole = sequence.computed + piece === sequence.length;
    sequence.planned = piece;
    budget.charge(piece, isWhole ? estimateNewTokens(sequence) : 0);
    this.#queue.remove(sequence);
    sequence.state = "prefilling";
    this.#memory.takeSlot(sequence);
    if (sequence.group.cachedTokens === null) {
      sequence.group.cachedTokens = Math.min(sequence.computed, sequence.promptLength);
    }
    return true;
  }

  /** Gives it pages for all its tokens, and says so; `false` leaves it as it was. */
  #admitRemote(sequence: Sequence, budget: PrefillBudget, rows: readonly Sequence[]): boolean {
    const extend = this.#takePages(sequence, budget, rows);
    if (extend === 0) return false;
    budget.reserve(extend, estimateNewTokens(sequence));
    this.#queue.remove(sequence);
    sequence.state = "receiving";
    sequence.isLeased = true;
    this.#holders.receiving.add(sequence);
    this.#options.awaitsKv(sequence);
    return true;
  }

  /**
   * Its cached prefix, and pages for a first piece behind it: for all of it where nothing is computed here. The tokens
   * of the piece; 0 leaves it as it was.
   */
  #takePages(sequence: Sequence, budget: PrefillBudget, rows: readonly Sequence[]): number {
    const lockedTokens = this.#memory.acquirePrefix(sequence);
    budget.lockTokens(lockedTokens);
    const extend = sequence.length - sequence.computed;
    // Alone, a sequence may always try: the estimate is no promise, and waiting would be forever.
    const alone = rows.length === 0 && this.#holders.ongoingCount === 0;
    const fits = alone || budget.holds(extend, estimateNewTokens(sequence));
    const wanted = sequence.awaitsKv ? extend : budget.chunk(extend, this.#chunkLimit(sequence));
    if (fits && wanted > 0 && this.#memory.allocate(sequence, sequence.computed + wanted)) {
      return wanted;
    }
    this.#memory.release(sequence);
    budget.lockTokens(-lockedTokens);
    return 0;
  }

  #chunkLimit(sequence: Sequence): number {
    const { promptLogprobs, request } = sequence.group;
    const wanted =
      promptLogprobs !== null &&
      promptLogprobs.length < sequence.promptLength - request.promptLogprobs!.start;
    return wanted ? this.#logprobChunkTokens : Number.POSITIVE_INFINITY;
  }

  #mayPreempt(): boolean {
    const { priorityPreemptionThreshold } = this.#options.scheduler;
    return !this.#isHeld && this.isByPriority && priorityPreemptionThreshold !== null;
  }

  /** Retracts running sequences of much lower priority if that, and only that, makes room for `sequence`. */
  #preemptFor(sequence: Sequence): void {
    const { cache, pageSize, scheduler, ratio } = this.#options;
    const { namespace, request } = sequence.group;
    const { pageCount } = cache.match(namespace, sequence.tokens, sequence.length - 1);
    const extend = sequence.length - pageCount * pageSize;
    const budget = this.#createBudget();
    const victims = choosePreempted({
      running: this.#holders.running,
      priority: request.priority,
      threshold: scheduler.priorityPreemptionThreshold!,
      neededSlots: 1 - this.#slotsLeft([]),
      neededTokens: budget.missing(extend, estimateNewTokens(sequence)),
      ratio: ratio.value,
    });
    for (const victim of victims) this.#options.retract(victim);
  }
}

/** Whether only a piece of the prompt is in the planned step. */
function isCut(sequence: Sequence | undefined): boolean {
  return sequence !== undefined && sequence.computed + sequence.planned < sequence.length;
}
