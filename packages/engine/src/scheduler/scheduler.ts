// Decides what the next step computes, and keeps the books of pages, locks and queues.
// It never calls the executor and never samples: the core does, between plan() and complete().
import { InternalError } from "@dyn/protocol";
import type { CacheNode, PageCache } from "../cache/page-cache.ts";
import type { PagePool } from "../cache/page-pool.ts";
import { Admission } from "./admission.ts";
import { NewTokenRatio } from "./new-token-ratio.ts";
import { PageHolders } from "./page-holders.ts";
import type { RequestGroup } from "./request-group.ts";
import type { SchedulerOptions } from "./scheduler-options.ts";
import type { Sequence } from "./sequence.ts";
import { SequenceMemory } from "./sequence-memory.ts";
import type { StepPlan } from "./step-plan.ts";
import { chooseRetracted } from "./victims.ts";
import { WaitingQueue } from "./waiting-queue.ts";

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

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #pageSize: number;
  readonly #hooks: SchedulerHooks;
  readonly #ratio: NewTokenRatio;
  readonly #memory: SequenceMemory;
  readonly #queue: WaitingQueue;
  readonly #holders = new PageHolders();
  readonly #admission: Admission;
  #consecutivePrefills = 0;
  #retractions = 0;

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
    const { hooks, ...shared } = options;
    this.#options = options.scheduler;
    this.#pageSize = options.pageSize;
    this.#hooks = hooks;
    this.#ratio = new NewTokenRatio(options.scheduler.scheduleConservativeness);
    this.#memory = new SequenceMemory(options);
    this.#queue = new WaitingQueue(options.scheduler.maxQueuedRequests);
    this.#admission = new Admission({
      ...shared,
      memory: this.#memory,
      queue: this.#queue,
      holders: this.#holders,
      ratio: this.#ratio,
      awaitsKv: (sequence) => hooks.awaitsKv(sequence),
      retract: (sequence) => this.#retract(sequence),
    });
  }

  /** Sequences that hold pages and go on. */
  get runningCount(): number {
    return this.#holders.ongoingCount;
  }

  get waitingCount(): number {
    return this.#queue.count;
  }

  get isIdle(): boolean {
    return this.runningCount === 0 && this.waitingCount === 0;
  }

  /** Something could be planned, were there pages. */
  get hasWork(): boolean {
    const { running, chunked } = this.#holders;
    if (running.length > 0 || chunked !== null) return true;
    return this.isHeld ? this.#queue.begunCount > 0 : this.waitingCount > 0;
  }

  /** Requests that have been computed on, wherever they are now. */
  get begunCount(): number {
    return this.runningCount + this.#holders.held.size + this.#queue.begunCount;
  }

  /** Nothing leaves the queue that has not left it before. */
  get isHeld(): boolean {
    return this.#admission.isHeld;
  }

  /** Pages will come back, or KV will come, from another engine's doing. */
  get awaitsOthers(): boolean {
    return this.#holders.awaitsOthers;
  }

  /** Everything whose pages another engine may use. */
  get leased(): Sequence[] {
    return this.#holders.leased;
  }

  get retractions(): number {
    return this.#retractions;
  }

  get newTokenRatio(): number {
    return this.#ratio.value;
  }

  get running(): readonly Sequence[] {
    return this.#holders.running;
  }

  /** The one sequence whose prompt is cut over several steps. */
  get chunked(): Sequence | null {
    return this.#holders.chunked;
  }

  holdQueue(isHeld: boolean): void {
    this.#admission.hold(isHeld);
  }

  /** What runs goes back to the queue, but for pages that another engine may use. */
  retractAll(): void {
    const { running, chunked } = this.#holders;
    const all = chunked === null ? running.slice() : [...running, chunked];
    for (const sequence of all) if (!sequence.isLeased) this.#retract(sequence);
    this.#admission.retry();
  }

  /** Queues a request, or throws OverloadedError. Its sequences exist already; finished ones are left out. */
  submit(group: RequestGroup): void {
    const displaced = this.#queue.findRoom(group, this.#admission.isByPriority);
    if (displaced !== null) this.#hooks.displaced(displaced);
    const shares =
      group.request.tokenIds.length > this.#pageSize ||
      group.promptLogprobs !== null ||
      group.sequences.some(({ awaitsKv }) => awaitsKv);
    this.#queue.addRequest(group, shares);
    this.#admission.retry();
  }

  /** The next step, or `null` when there is nothing to compute. Pages for it are allocated. */
  plan(): StepPlan | null {
    const { running } = this.#holders;
    const decodesWait =
      running.length > 0 && this.#consecutivePrefills >= this.#options.maxConsecutivePrefills;
    if (!decodesWait) {
      const plan = this.#planPrefill();
      if (plan !== null) {
        this.#consecutivePrefills++;
        return plan;
      }
    }
    this.#consecutivePrefills = 0;
    if (!this.#planDecode()) {
      // A decode step was due, but its last sequence went: prefill may have room now.
      if (running.length === 0 && !this.isIdle) return this.#planPrefill();
      if (this.isIdle) this.#ratio.reset();
      return null;
    }
    this.#ratio.decodeStep();
    this.#admission.decodeStep();
    return { kind: "decode", sequences: running.slice() };
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
        this.#holders.chunked = sequence;
        continue;
      }
      this.#holders.run(sequence);
      if (this.#queue.releaseSiblings(sequence.group)) this.#admission.retry();
    }
  }

  /** The step failed: nothing of it counts. */
  cancel(plan: StepPlan): void {
    for (const sequence of plan.sequences) sequence.planned = 0;
  }

  /** Its KV has arrived: it runs from now on, and its siblings find the prompt in the cache. */
  received(sequence: Sequence): void {
    sequence.isLeased = false;
    sequence.awaitsKv = false;
    sequence.computed = sequence.length;
    this.#memory.takeSlot(sequence);
    this.#memory.share(sequence);
    this.#holders.run(sequence);
    this.#queue.releaseSiblings(sequence.group);
    this.#admission.retry();
  }

  /** It runs no more; its pages wait for their lease to end. */
  hold(sequence: Sequence): void {
    this.#holders.stop(sequence);
    this.#releaseSlot(sequence);
    sequence.state = "held";
    this.#holders.held.add(sequence);
    this.#admission.retry();
  }

  /** The other engine is done with the pages; those of a finished sequence are free now. */
  endLease(sequence: Sequence): void {
    sequence.isLeased = false;
    if (sequence.state === "finished" && this.#holders.held.has(sequence)) this.#giveUp(sequence);
    this.#admission.retry();
  }

  /** Takes a sequence out, whatever its state: what it computed stays in the cache, the rest is freed, at once or when its lease ends. */
  finish(sequence: Sequence): void {
    if (sequence.state === "finished") return;
    this.#queue.remove(sequence);
    this.#holders.stop(sequence);
    if (sequence.isLeased && sequence.pageCount > 0) {
      this.#releaseSlot(sequence);
      this.#holders.held.add(sequence);
    } else if (sequence.pageCount > 0) {
      this.#giveUp(sequence);
    }
    sequence.state = "finished";
    this.#queue.replaceFirst(sequence.group);
    this.#admission.retry();
  }

  #planPrefill(): StepPlan | null {
    const sequences = this.#admission.plan();
    return sequences.length > 0 ? { kind: "prefill", sequences } : null;
  }

  /** Pages for one more token of every running sequence; retracts until they suffice. `false` = none runs. */
  #planDecode(): boolean {
    const { running } = this.#holders;
    let retracted = false;
    while (running.length > 0 && !this.#memory.canDecode(running)) {
      const { chunked } = this.#holders;
      retracted = true;
      if (running.length > 1) this.#retract(chooseRetracted(running));
      else if (chunked !== null && !chunked.isLeased) this.#retract(chunked);
      else if (chunked !== null || this.awaitsOthers) this.#retract(running[0]!);
      else this.#hooks.stuck(running[0]!);
    }
    if (retracted) {
      this.#ratio.retracted(running);
      this.#admission.retry();
    }
    for (const sequence of running) {
      if (!this.#memory.allocate(sequence, sequence.length)) {
        throw new InternalError("Pages for a decode step were counted but not there.");
      }
      sequence.planned = 1;
    }
    return running.length > 0;
  }

  /** Back to the end of the queue, without pages; tokens are kept and prefilled again. */
  #retract(sequence: Sequence): void {
    this.#holders.stop(sequence);
    this.#release(sequence);
    this.#retractions++;
    this.#queue.add(sequence);
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
    this.#holders.held.delete(sequence);
    this.#memory.share(sequence);
    this.#release(sequence);
  }
}
