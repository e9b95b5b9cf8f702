// Decides what the next step computes, and keeps the books of pages, locks and queues.
// It never calls the executor and never samples: EngineCore does, between plan() and complete().
import { InternalError } from "@dyn/protocol";
import type { CacheNode, PageCache } from "../cache/page-cache.ts";
import type { PagePool } from "../cache/page-pool.ts";
import { estimateNewTokens, NewTokenRatio } from "./new-token-ratio.ts";
import { createPolicy } from "./policy/create-policy.ts";
import type { SchedulePolicy } from "./policy/schedule-policy.ts";
import { PrefillBudget } from "./prefill-budget.ts";
import type { RequestGroup } from "./request-group.ts";
import type { SchedulerOptions } from "./scheduler-options.ts";
import type { Sequence } from "./sequence.ts";
import { SequenceMemory } from "./sequence-memory.ts";
import { choosePreempted, chooseRetracted } from "./victims.ts";
import { WaitingQueue } from "./waiting-queue.ts";

/** One step: which sequences, and per sequence `planned` new tokens behind `computed` old ones. */
export interface StepPlan {
  readonly kind: "prefill" | "decode";
  readonly sequences: readonly Sequence[];
}

export interface SchedulerHooks {
  /** The sequence gave up its pages: state of the executor beside them goes. */
  released(slot: number): void;
  /** It cannot go on though nothing else holds pages. */
  stuck(sequence: Sequence): void;
  /** It has pages for KV that comes from another engine. */
  awaitsKv(sequence: Sequence): void;
  /** Pushed out of the full queue by a request of higher priority. */
  displaced(group: RequestGroup): void;
}

/** After a failed admission, decode steps until the next attempt if nothing else changes meanwhile. */
const retryAfterDecodes = 16;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #cache: PageCache<CacheNode>;
  readonly #pool: PagePool;
  readonly #pageSize: number;
  readonly #policy: SchedulePolicy;
  readonly #ratio: NewTokenRatio;
  readonly #hooks: SchedulerHooks;
  readonly #random: () => number;
  readonly #memory: SequenceMemory;
  readonly #logprobChunkTokens: number;

  readonly #queue: WaitingQueue;
  readonly #running: Sequence[] = [];
  readonly #receiving = new Set<Sequence>();
  /** They hold pages for another engine, and run no more. */
  readonly #held = new Set<Sequence>();
  /** The one sequence whose prompt is cut over several steps. */
  #chunked: Sequence | null = null;
  #consecutivePrefills = 0;
  /** Decode steps to go before admission is tried again; 0 = try now. */
  #admissionPause = 0;
  #retractions = 0;
  /** Nothing leaves the queue that has not left it before. */
  #isHeld = false;

  constructor(options: {
    scheduler: SchedulerOptions;
    cache: PageCache<CacheNode>;
    pool: PagePool;
    pageSize: number;
    /** Largest chunk of a sequence whose prompt log-probabilities are wanted: bounds the logits of a step. */
    logprobChunkTokens: number;
    hooks: SchedulerHooks;
    random: () => number;
  }) {
    this.#options = options.scheduler;
    this.#cache = options.cache;
    this.#pool = options.pool;
    this.#pageSize = options.pageSize;
    this.#policy = createPolicy(options.scheduler.policy);
    this.#ratio = new NewTokenRatio(options.scheduler.scheduleConservativeness);
    this.#hooks = options.hooks;
    this.#random = options.random;
    this.#logprobChunkTokens = Math.max(
      options.pageSize,
      Math.floor(options.logprobChunkTokens / options.pageSize) * options.pageSize,
    );
    this.#memory = new SequenceMemory(options);
    this.#queue = new WaitingQueue(options.scheduler.maxQueuedRequests);
  }

  /** Sequences that hold pages and go on. */
  get runningCount(): number {
    return this.#running.length + (this.#chunked === null ? 0 : 1) + this.#receiving.size;
  }

  get waitingCount(): number {
    return this.#queue.count;
  }

  get isIdle(): boolean {
    return this.runningCount === 0 && this.waitingCount === 0;
  }

  /** Something could be planned, were there pages. */
  get hasWork(): boolean {
    if (this.#running.length > 0 || this.#chunked !== null) return true;
    return this.#isHeld ? this.#queue.list.some(hasBegun) : this.waitingCount > 0;
  }

  /** Requests that have been computed on, wherever they are now. */
  get begunCount(): number {
    return this.runningCount + this.#held.size + this.#queue.list.filter(hasBegun).length;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  holdQueue(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#admissionPause = 0;
  }

  /** What runs goes back to the queue, but for pages that another engine may use. */
  retractAll(): void {
    const all = this.#chunked === null ? this.#running.slice() : [...this.#running, this.#chunked];
    for (const sequence of all) if (!sequence.isLeased) this.#retract(sequence);
    this.#admissionPause = 0;
  }

  /** Pages will come back, or KV will come, from another engine's doing. */
  get awaitsOthers(): boolean {
    return this.#receiving.size > 0 || this.#held.size > 0;
  }

  /** Have pages and wait for KV. */
  get receiving(): ReadonlySet<Sequence> {
    return this.#receiving;
  }

  get held(): ReadonlySet<Sequence> {
    return this.#held;
  }

  /** Everything whose pages another engine may use. */
  get leased(): Sequence[] {
    const all = [...this.#held, ...this.#receiving];
    return this.#chunked?.isLeased ? [...all, this.#chunked] : all;
  }

  get retractions(): number {
    return this.#retractions;
  }

  get newTokenRatio(): number {
    return this.#ratio.value;
  }

  get running(): readonly Sequence[] {
    return this.#running;
  }

  get chunked(): Sequence | null {
    return this.#chunked;
  }

  /** Queues a request, or throws OverloadedError. Its sequences exist already; finished ones are left out. */
  submit(group: RequestGroup): void {
    const displaced = this.#queue.findRoom(group, this.#policy.name === "priority");
    if (displaced !== null) this.#hooks.displaced(displaced);
    const shares =
      group.request.tokenIds.length > this.#pageSize ||
      group.promptLogprobs !== null ||
      group.sequences.some(({ awaitsKv }) => awaitsKv);
    this.#queue.addRequest(group, shares);
    this.#admissionPause = 0;
  }

  /** The next step, or `null` when there is nothing to compute. Pages for it are allocated. */
  plan(): StepPlan | null {
    const decodesWait =
      this.#running.length > 0 && this.#consecutivePrefills >= this.#options.maxConsecutivePrefills;
    if (!decodesWait) {
      const sequences = this.#planPrefill();
      if (sequences.length > 0) {
        this.#consecutivePrefills++;
        return { kind: "prefill", sequences };
      }
    }
    this.#consecutivePrefills = 0;
    if (!this.#planDecode()) {
      // A decode step was due, but its last sequence went: prefill may have room now.
      if (this.#running.length === 0 && !this.isIdle) return this.#planPrefillAlone();
      if (this.isIdle) this.#ratio.reset();
      return null;
    }
    this.#ratio.decodeStep();
    if (this.#admissionPause > 0) this.#admissionPause--;
    return { kind: "decode", sequences: this.#running.slice() };
  }

  /** The step was computed: its KV is valid. Full pages of prompts go to the cache at once. */
  complete(plan: StepPlan): void {
    for (const sequence of plan.sequences) {
      sequence.computed += sequence.planned;
      sequence.planned = 0;
      if (plan.kind === "decode") continue;
      this.#memory.share(sequence);
      if (sequence.computed < sequence.length) {
        sequence.state = "prefilling";
        this.#chunked = sequence;
        continue;
      }
      if (this.#chunked === sequence) this.#chunked = null;
      sequence.state = "running";
      this.#running.push(sequence);
      if (this.#queue.releaseSiblings(sequence.group)) this.#admissionPause = 0;
    }
  }

  /** The step failed: nothing of it counts. */
  cancel(plan: StepPlan): void {
    for (const sequence of plan.sequences) sequence.planned = 0;
  }

  /** Its KV has arrived: it runs from now on, and its siblings find the prompt in the cache. */
  received(sequence: Sequence): void {
    this.#receiving.delete(sequence);
    sequence.isLeased = false;
    sequence.awaitsKv = false;
    sequence.computed = sequence.length;
    this.#memory.takeSlot(sequence);
    this.#memory.share(sequence);
    sequence.state = "running";
    this.#running.push(sequence);
    this.#queue.releaseSiblings(sequence.group);
    this.#admissionPause = 0;
  }

  /** It runs no more; its pages wait for their lease to end. */
  hold(sequence: Sequence): void {
    removeFrom(this.#running, sequence);
    this.#releaseSlot(sequence);
    sequence.state = "held";
    this.#held.add(sequence);
    this.#admissionPause = 0;
  }

  /** The other engine is done with the pages; those of a finished sequence are free now. */
  endLease(sequence: Sequence): void {
    sequence.isLeased = false;
    if (sequence.state === "finished" && this.#held.has(sequence)) this.#giveUp(sequence);
    this.#admissionPause = 0;
  }

  /** Takes a sequence out, whatever its state: what it computed stays in the cache, the rest is freed, at once or when its lease ends. */
  finish(sequence: Sequence): void {
    if (sequence.state === "finished") return;
    this.#queue.remove(sequence);
    removeFrom(this.#running, sequence);
    this.#receiving.delete(sequence);
    if (this.#chunked === sequence) this.#chunked = null;
    if (sequence.isLeased && sequence.pageCount > 0) {
      this.#releaseSlot(sequence);
      this.#held.add(sequence);
    } else if (sequence.pageCount > 0) {
      this.#giveUp(sequence);
    }
    sequence.state = "finished";
    this.#queue.replaceFirst(sequence.group);
    this.#admissionPause = 0;
  }

  #planPrefillAlone(): StepPlan | null {
    const sequences = this.#planPrefill();
    return sequences.length > 0 ? { kind: "prefill", sequences } : null;
  }

  #planPrefill(): Sequence[] {
    const rows: Sequence[] = [];
    const chunked = this.#chunked;
    const paused = this.#admissionPause > 0 && this.#running.length > 0;
    const someWait = this.#isHeld ? this.#queue.list.some(hasBegun) : this.#queue.list.length > 0;
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
    const anyAwaitsKv = this.#queue.list.some(({ awaitsKv }) => awaitsKv);
    for (const sequence of this.#queue.list.slice()) {
      if (this.#slotsLeft(rows) <= 0) break;
      if (this.#isHeld && !hasBegun(sequence)) continue;
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
    if (rows.length + remoteCount === 0) this.#admissionPause = retryAfterDecodes;
    return rows;
  }

  #hasRoom(): boolean {
    return this.#slotsLeft([]) > 0 || this.#mayPreempt();
  }

  #orderWaiting(): void {
    this.#policy.order(this.#queue.list, {
      cache: this.#cache,
      pageSize: this.#pageSize,
      running: this.#running,
      random: this.#random,
    });
    if (this.#mayPreempt()) this.#preemptFor(this.#queue.list[0]!);
  }

  #createBudget(): PrefillBudget {
    let expected = 0;
    for (const sequence of this.#running) expected += estimateNewTokens(sequence);
    for (const sequence of this.#receiving) expected += estimateNewTokens(sequence);
    const available = (this.#pool.freeCount + this.#cache.evictablePages) * this.#pageSize;
    return new PrefillBudget({
      pageSize: this.#pageSize,
      availableTokens: available - expected * this.#ratio.value,
      maxPrefillTokens: this.#options.maxPrefillTokens,
      chunkedPrefillSize: this.#options.chunkedPrefillSize,
    });
  }

  #slotsLeft(rows: readonly Sequence[]): number {
    const holding = this.#chunked !== null && !rows.includes(this.#chunked) ? 1 : 0;
    const taken = this.#running.length + this.#receiving.size + holding + rows.length;
    return this.#options.maxRunningRequests - taken;
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
    const lockedTokens = this.#memory.acquirePrefix(sequence);
    budget.lockTokens(lockedTokens);
    const extend = sequence.length - sequence.computed;
    const estimate = estimateNewTokens(sequence);
    // Alone, a sequence may always try: the estimate is no promise, and waiting would be forever.
    const alone = rows.length === 0 && this.runningCount === 0;
    const fits = alone || budget.holds(extend, estimate);
    const piece = fits ? budget.chunk(extend, this.#chunkLimit(sequence)) : 0;
    if (piece === 0 || !this.#memory.allocate(sequence, sequence.computed + piece)) {
      this.#memory.release(sequence);
      budget.lockTokens(-lockedTokens);
      return false;
    }
    sequence.planned = piece;
    budget.charge(piece, piece === extend ? estimate : 0);
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
    const lockedTokens = this.#memory.acquirePrefix(sequence);
    budget.lockTokens(lockedTokens);
    const extend = sequence.length - sequence.computed;
    const estimate = estimateNewTokens(sequence);
    const alone = rows.length === 0 && this.runningCount === 0;
    const fits = alone || budget.holds(extend, estimate);
    if (!fits || !this.#memory.allocate(sequence, sequence.length)) {
      this.#memory.release(sequence);
      budget.lockTokens(-lockedTokens);
      return false;
    }
    budget.reserve(extend, estimate);
    this.#queue.remove(sequence);
    sequence.state = "receiving";
    sequence.isLeased = true;
    this.#receiving.add(sequence);
    this.#hooks.awaitsKv(sequence);
    return true;
  }

  #chunkLimit(sequence: Sequence): number {
    const { promptLogprobs, request } = sequence.group;
    const wanted =
      promptLogprobs !== null &&
      promptLogprobs.length < sequence.promptLength - request.promptLogprobs!.start;
    return wanted ? this.#logprobChunkTokens : Number.POSITIVE_INFINITY;
  }

  /** Pages for one more token of every running sequence; retracts until they suffice. `false` = none runs. */
  #planDecode(): boolean {
    let retracted = false;
    while (this.#running.length > 0 && !this.#memory.canDecode(this.#running)) {
      retracted = true;
      if (this.#running.length > 1) this.#retract(chooseRetracted(this.#running));
      else if (this.#chunked !== null && !this.#chunked.isLeased) this.#retract(this.#chunked);
      else if (this.#chunked !== null || this.awaitsOthers) this.#retract(this.#running[0]!);
      else this.#hooks.stuck(this.#running[0]!);
    }
    if (retracted) {
      this.#ratio.retracted(this.#running);
      this.#admissionPause = 0;
    }
    for (const sequence of this.#running) {
      if (!this.#memory.allocate(sequence, sequence.length)) {
        throw new InternalError("Pages for a decode step were counted but not there.");
      }
      sequence.planned = 1;
    }
    return this.#running.length > 0;
  }

  /** Back to the end of the queue, without pages; tokens are kept and prefilled again. */
  #retract(sequence: Sequence): void {
    removeFrom(this.#running, sequence);
    if (this.#chunked === sequence) this.#chunked = null;
    this.#release(sequence);
    this.#retractions++;
    this.#queue.add(sequence);
  }

  #mayPreempt(): boolean {
    if (this.#isHeld) return false;
    return this.#policy.name === "priority" && this.#options.priorityPreemptionThreshold !== null;
  }

  /** Retracts running sequences of much lower priority if that, and only that, makes room for `sequence`. */
  #preemptFor(sequence: Sequence): void {
    const { namespace, request } = sequence.group;
    const { pageCount } = this.#cache.match(namespace, sequence.tokens, sequence.length - 1);
    const extend = sequence.length - pageCount * this.#pageSize;
    const budget = this.#createBudget();
    const victims = choosePreempted({
      running: this.#running,
      priority: request.priority,
      threshold: this.#options.priorityPreemptionThreshold!,
      neededSlots: 1 - this.#slotsLeft([]),
      neededTokens: budget.missing(extend, estimateNewTokens(sequence)),
      ratio: this.#ratio.value,
    });
    for (const victim of victims) this.#retract(victim);
  }

  #release(sequence: Sequence): void {
    const slot = this.#memory.release(sequence);
    if (slot >= 0) this.#hooks.released(slot);
  }

  #releaseSlot(sequence: Sequence): void {
    const slot = this.#memory.releaseSlot(sequence);
    if (slot >= 0) this.#hooks.released(slot);
  }

  #giveUp(sequence: Sequence): void {
    this.#held.delete(sequence);
    this.#memory.share(sequence);
    this.#release(sequence);
  }
}

function hasBegun({ group }: Sequence): boolean {
  return group.hasLeftQueue;
}

/** Whether only a piece of the prompt is in the planned step. */
function isCut(sequence: Sequence | undefined): boolean {
  return sequence !== undefined && sequence.computed + sequence.planned < sequence.length;
}

function removeFrom(list: Sequence[], sequence: Sequence): boolean {
  const at = list.indexOf(sequence);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}
