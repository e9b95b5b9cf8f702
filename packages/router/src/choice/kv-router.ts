// Chooses the worker for a request: who has most of it cached, weighed against who is busy. Keeps the books of what runs
// where. It sends nothing itself.
import {
  type ActiveSequenceEvent,
  ApproximateIndex,
  type BlockHasher,
  type BlockHashes,
  createBlockHasher,
  KvIndex,
  type WorkerOverlap,
} from "@dyn/kv-events";
import type { PreprocessedRequest } from "@dyn/protocol";
import { drawU53, type EndpointId, type Planes } from "@dyn/runtime";
import type { CostSettings } from "../cost/cost-settings.ts";
import { pickLowest } from "../cost/pick-lowest.ts";
import { pickTwoTier } from "../cost/pick-two-tier.ts";
import { type CachedBlocks, noCachedBlocks, workerCost } from "../cost/worker-cost.ts";
import type { CandidateRecord, DecisionRecord } from "../decision/decision-record.ts";
import { DecisionRing } from "../decision/decision-ring.ts";
import { KvEventIntake } from "../intake/kv-event-intake.ts";
import { WorkerDirectory } from "../intake/worker-facts.ts";
import { ActiveRequests, type RankId, rankKey, toBlockKeys } from "../load/active-requests.ts";
import {
  type BusyThresholds,
  checkBusyThresholds,
  isBusy,
  LoadReports,
} from "../load/busy-thresholds.ts";
import type { RouterObserver } from "../observe/router-observer.ts";
import { problemOf, type WorkerProblem } from "../observe/worker-problems.ts";
import { RequestQueue } from "../queue/request-queue.ts";
import { RouterTopics } from "../replica/router-topics.ts";
import { SessionBindings } from "../session/session-bindings.ts";
import { overrideCost } from "./cost-override.ts";
import { allBusy, noEligible, unknownRank } from "./router-errors.ts";
import { completeRouterSettings, type RouterSettings } from "./router-settings.ts";
import { readTaints, type TaintDemand } from "./taint-demand.ts";

export interface KvRouterOptions {
  readonly planes: Planes;
  /** Of the workers. */
  readonly endpoint: EndpointId;
  /** Shown in decisions. */
  readonly model: string;
  /** Tokens of a block; all workers must agree on it. */
  readonly blockSize: number;
  readonly settings?: Partial<RouterSettings>;
  /** What a worker is tainted with. Default: nothing. */
  readonly taintsOf?: (workerId: bigint) => ReadonlySet<string>;
  readonly observer?: RouterObserver;
  readonly random?: () => number;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}

export interface RouteQuery {
  readonly request: PreprocessedRequest;
  readonly requestId: string | null;
  /** Workers that may take it, in no order; at least one. */
  readonly workerIds: readonly bigint[];
  /** The request must go there. */
  readonly pin?: bigint | null;
  readonly queuedMs?: number;
}

export interface RouteChoice extends RankId {
  readonly record: DecisionRecord;
  readonly hashes: BlockHashes;
  /** Prompt tokens that the worker has on its device, by what is known. */
  readonly cachedTokens: number;
}

interface Candidate extends RankId {
  readonly record: CandidateRecord;
}

const ringCapacity = 512;
const shownCandidates = 64;
/** Below so many running requests a rank is never held back for balance. */
const unboundedRequests = 8;
const checkMs = 5_000;
const noTaints: ReadonlySet<string> = new Set();

export class KvRouter {
  readonly blockSize: number;
  readonly model: string;
  readonly settings: RouterSettings;
  /** Under which other routers know this one. */
  readonly routerId = drawU53();
  readonly active: ActiveRequests;
  readonly reports = new LoadReports();
  readonly decisions = new DecisionRing(ringCapacity);
  readonly sessions: SessionBindings | null;
  readonly queue: RequestQueue | null;
  readonly workers: WorkerDirectory;
  readonly index: KvIndex;
  readonly intake: KvEventIntake | null;
  readonly #guesses: ApproximateIndex | null;
  readonly #topics: RouterTopics;
  readonly #hasher: BlockHasher = createBlockHasher();
  readonly #observer: RouterObserver;
  readonly #taintsOf: (workerId: bigint) => ReadonlySet<string>;
  readonly #random: () => number;
  readonly #now: () => number;
  readonly #seenMs = new Map<bigint, number>();
  readonly #answered = new Map<string, number>();
  readonly #warned = new Set<string>();
  #thresholds: BusyThresholds;
  #eligible: readonly bigint[] = [];
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;
  #problems: readonly WorkerProblem[] = [];

  constructor(options: KvRouterOptions) {
    const { planes, endpoint } = options;
    const settings = completeRouterSettings(options.settings ?? {});
    this.settings = settings;
    this.blockSize = options.blockSize;
    this.model = options.model;
    this.#observer = options.observer ?? {};
    this.#taintsOf = options.taintsOf ?? (() => noTaints);
    this.#random = options.random ?? Math.random;
    this.#now = options.now ?? (() => performance.now());
    this.#thresholds = settings.thresholds;
    const onProblem = (message: string, error: unknown) => this.#observer.problem?.(message, error);
    this.index = new KvIndex({ maxBytes: settings.indexBytes });
    this.intake = settings.useKvEvents
      ? new KvEventIntake({
          planes,
          endpoint,
          index: this.index,
          onProblem,
          onApplied: (event, outcome) => this.#observer.eventApplied?.(event, outcome),
        })
      : null;
    const guessMs = settings.useKvEvents ? settings.predictedTtlMs : settings.approximateTtlMs;
    this.#guesses =
      settings.useKvEvents && guessMs === null
        ? null
        : new ApproximateIndex({ ttlMs: guessMs, now: this.#now });
    this.active = new ActiveRequests({
      assumeKvReuse: settings.assumeKvReuse,
      outputBlockSize: settings.trackOutputBlocks ? options.blockSize : null,
      now: this.#now,
    });
    this.sessions =
      settings.sessions && new SessionBindings(settings.sessions, this.routerId, this.#now);
    this.queue =
      settings.queue &&
      new RequestQueue({
        settings: settings.queue,
        now: this.#now,
        hasRoom: () => this.#hasRoom(),
        workerCount: () => this.#eligible.length,
      });
    this.workers = new WorkerDirectory({
      discovery: planes.discovery,
      endpoint,
      onLeft: (workerId) => this.#left(workerId),
      onProblem,
    });
    this.#topics = new RouterTopics({
      plane: planes.eventPlane,
      endpoint,
      isSharing: settings.replicaSync,
      hasSessions: settings.sessions !== null,
      onLoad: (load) => this.reports.take(load),
      onSequence: (event) => this.#heard(event),
      onSession: (binding) => {
        if (binding.writerId !== this.routerId) this.sessions?.learn(binding);
      },
      onProblem,
    });
  }

  /** Follows events and reports from now on. */
  async start(): Promise<void> {
    await this.intake?.start();
    await this.#topics.start();
    this.#timer = setInterval(() => this.check(), checkMs);
    this.#timer.unref();
  }

  /** Workers that this router cannot know, as of the last check. */
  get problems(): readonly WorkerProblem[] {
    return this.#problems;
  }

  get thresholds(): BusyThresholds {
    return this.#thresholds;
  }

  setThresholds(thresholds: BusyThresholds): void {
    this.#thresholds = checkBusyThresholds(thresholds);
    this.queue?.pump();
  }

  /** Who may be asked at all; the queue asks whether any of them has room. */
  setEligible(workerIds: readonly bigint[]): void {
    this.#eligible = workerIds;
  }

  hash(request: PreprocessedRequest): BlockHashes {
    return this.#hasher.hashTokens(request.token_ids, {
      blockSize: this.blockSize,
      cacheSalt: request.routing?.cache_salt,
      loraName: loraOf(request),
    });
  }

  /**
   * Says who takes it and why; books nothing. Throws an OverloadedError (529) when all that may are busy.
   */
  choose(query: RouteQuery): RouteChoice {
    const { request, pin = null } = query;
    const startMs = performance.now();
    const hashes = this.hash(request);
    const hashedMs = performance.now();
    const overlaps = this.#find(hashes);
    const foundMs = performance.now();
    const cost = overrideCost(this.settings.cost, request.router_config_override);
    const demand = readTaints(request.routing?.routing_constraints);
    const ranks = this.#ranks(query);
    const candidates = this.#weigh(request, hashes, ranks, overlaps, cost, demand);
    const bound = pin === null ? this.#sessionOf(request, candidates) : null;
    const open = bound !== null ? [bound] : candidates.filter((it) => it.record.excluded === null);
    if (open.length === 0) throw this.#nobody(candidates, pin !== null, demand);
    const picked = this.#pick(open, hashes.sequenceHashes.length, cost);
    const winner = open[picked.index]!;
    const doneMs = performance.now();
    this.#observer.timed?.({
      hashMs: hashedMs - startMs,
      findMs: foundMs - hashedMs,
      chooseMs: doneMs - foundMs,
    });
    const { workerId, dpRank } = winner;
    const shown = candidates.map(({ record }) => record).sort((a, b) => a.logit - b.logit);
    const record: DecisionRecord = {
      sequence: this.#sequence++,
      atMs: Date.now(),
      requestId: query.requestId,
      model: this.model,
      mode: this.settings.useKvEvents ? "kv" : "kv-approximate",
      reason:
        pin !== null ? "pin" : bound !== null ? "session" : open.length === 1 ? "only" : "cost",
      tokenCount: request.token_ids.length,
      blockSize: this.blockSize,
      blockCount: hashes.sequenceHashes.length,
      promptBlocks: Math.ceil(request.token_ids.length / this.blockSize),
      workerId,
      dpRank,
      overlapBlocks: Math.round(winner.record.credit),
      tieCount: picked.tieCount,
      temperature: cost.temperature,
      queuedMs: query.queuedMs ?? 0,
      tookUs: Math.round((doneMs - startMs) * 1000),
      candidates: shown.slice(0, shownCandidates),
      candidateCount: candidates.length,
    };
    this.decisions.add(record);
    this.#observer.decided?.(record);
    const cachedTokens = winner.record.deviceBlocks * this.blockSize;
    return { workerId, dpRank, record, hashes, cachedTokens };
  }

  /** The request is sent there now. */
  book(requestId: string, choice: RouteChoice, request: PreprocessedRequest): void {
    const { workerId, dpRank, hashes } = choice;
    const track = this.settings.cost.trackPrefillTokens;
    const uncachedTokens = track ? Math.max(0, request.token_ids.length - choice.cachedTokens) : 0;
    const expectedOutputTokens = request.routing?.expected_output_tokens ?? null;
    const blockKeys = toBlockKeys(hashes.sequenceHashes);
    const rank = { workerId, dpRank };
    this.active.add({ requestId, ...rank, blockKeys, uncachedTokens, expectedOutputTokens });
    this.#guesses?.recordDecision(workerId, dpRank, hashes);
    this.#topics.tellSequence({
      requestId,
      ...rank,
      routerId: this.routerId,
      loraName: loraOf(request),
      change: {
        type: "added",
        sequenceHashes: hashes.sequenceHashes,
        trackPrefillTokens: track,
        expectedOutputTokens,
        uncachedTokens,
      },
    });
    this.queue?.pump();
  }

  prefillCompleted(requestId: string, rank: RankId): void {
    if (!this.active.prefillCompleted(requestId)) return;
    this.#tell(requestId, rank, "prefillCompleted");
    this.queue?.pump();
  }

  /** `isAnswered`: it came to its end. */
  free(requestId: string, rank: RankId, blockCount: number, isAnswered: boolean): void {
    if (this.active.free(requestId)) this.#tell(requestId, rank, "freed");
    if (isAnswered && blockCount > 0) {
      const key = rankKey(rank);
      this.#answered.set(key, (this.#answered.get(key) ?? 0) + 1);
    }
    this.queue?.pump();
  }

  sessionDispatched(sessionId: string, rank: RankId): void {
    const binding = this.sessions?.dispatched(sessionId, rank);
    if (binding !== undefined) this.#topics.tellSession(binding);
  }

  sessionEnded(sessionId: string, isFailed: boolean): void {
    const binding = this.sessions?.ended(sessionId, isFailed) ?? null;
    if (binding !== null) this.#topics.tellSession(binding);
  }

  /** Looks for workers that tell nothing, and forgets requests that nobody ended. */
  check(): void {
    this.active.expire();
    if (this.intake === null) return;
    const problems: WorkerProblem[] = [];
    for (const workerId of this.#eligible) {
      if (!this.#seenMs.has(workerId)) this.#seenMs.set(workerId, this.#now());
      for (const rank of this.#ranksOf(workerId)) {
        const counters = this.intake.follower(rank)?.counters;
        const problem = problemOf(
          {
            ...rank,
            hasSource: counters !== undefined,
            appliedEvents: this.index
              .workers()
              .some((it) => rankKey(it) === rankKey(rank) && it.blockCount > 0)
              ? 1
              : (counters?.appliedEvents ?? 0),
            emptyStored: counters?.emptyStored ?? 0,
            storedBlocks: counters?.storedBlocks ?? 0,
            blockSize: this.workers.get(workerId).blockSize,
            ageMs: this.#now() - this.#seenMs.get(workerId)!,
            answeredCount: this.#answered.get(rankKey(rank)) ?? 0,
          },
          this.blockSize,
        );
        if (problem !== null) problems.push(problem);
      }
    }
    this.#problems = problems;
    for (const { workerId, dpRank, kind, message } of problems) {
      const key = `${workerId}:${dpRank}:${kind}`;
      if (this.#warned.has(key)) continue;
      this.#warned.add(key);
      this.#observer.warned?.(message);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.intake?.close(), this.#topics.close(), this.workers.close()]);
  }

  #find(hashes: BlockHashes): Map<string, CachedBlocks> {
    const found = new Map<string, CachedBlocks>();
    const add = (overlaps: readonly WorkerOverlap[]) => {
      for (const overlap of overlaps) {
        const key = rankKey(overlap);
        const before = found.get(key);
        const isMore = before === undefined || overlap.deviceBlocks > before.deviceBlocks;
        if (isMore) found.set(key, overlap);
      }
    };
    if (this.intake !== null) add(this.index.findMatches(hashes.sequenceHashes));
    if (this.#guesses !== null) add(this.#guesses.findMatches(hashes.sequenceHashes));
    return found;
  }

  #ranksOf(workerId: bigint): RankId[] {
    const { dpSize } = this.workers.get(workerId);
    return Array.from({ length: dpSize }, (_, dpRank) => ({ workerId, dpRank }));
  }

  #ranks({ request, workerIds, pin = null }: RouteQuery): RankId[] {
    if (pin === null) return workerIds.flatMap((workerId) => this.#ranksOf(workerId));
    const ranks = this.#ranksOf(pin);
    const wanted = request.routing?.dp_rank;
    if (wanted == null) return ranks;
    const rank = ranks[wanted];
    if (rank === undefined) throw unknownRank(wanted, ranks.length);
    return [rank];
  }

  #weigh(
    request: PreprocessedRequest,
    hashes: BlockHashes,
    ranks: readonly RankId[],
    overlaps: ReadonlyMap<string, CachedBlocks>,
    cost: CostSettings,
    demand: TaintDemand,
  ): Candidate[] {
    const size = {
      tokenCount: request.token_ids.length,
      blockSize: this.blockSize,
      blockCount: hashes.sequenceHashes.length,
    };
    const blockKeys = toBlockKeys(hashes.sequenceHashes);
    const weighed = ranks.map((rank) => ({
      rank,
      cached: overlaps.get(rankKey(rank)) ?? noCachedBlocks,
      load: this.active.loadWith(rank, blockKeys),
      taints: demand.isEmpty ? noTaints : this.#taintsOf(rank.workerId),
    }));
    const total = weighed.reduce((sum, { load }) => sum + load.activeRequests, 0);
    const bound = this.settings.imbalanceBound;
    const most =
      bound === null || ranks.length < 2
        ? Number.POSITIVE_INFINITY
        : Math.max(unboundedRequests, Math.ceil((bound * (total + 1)) / ranks.length));
    const excluded = weighed.map(({ rank, load, taints }) => {
      if (!demand.required.every((taint) => taints.has(taint))) return "taints" as const;
      if (this.#isBusy(rank, this.#thresholds)) return "busy" as const;
      return load.activeRequests + 1 > most ? ("bound" as const) : null;
    });
    // A bound among those that are left keeps none: balance between the busy and the forbidden is no reason to refuse.
    const isBoundOnly = excluded.every((reason) => reason !== null);
    let least = Number.POSITIVE_INFINITY;
    for (const { load } of weighed) least = Math.min(least, load.activePrefillTokens);
    return weighed.map(({ rank, cached, load, taints }, i) => {
      const { credit, logit } = workerCost(size, cached, load, least, cost);
      const reason = isBoundOnly && excluded[i] === "bound" ? null : excluded[i]!;
      return {
        ...rank,
        record: {
          ...rank,
          deviceBlocks: cached.deviceBlocks,
          hostBlocks: cached.hostBlocks,
          diskBlocks: cached.diskBlocks,
          ...load,
          credit,
          logit: logit * demand.factor(taints),
          excluded: reason,
        },
      };
    });
  }

  /** The candidate that the request's session is bound to; `null`: none, or it may move. */
  #sessionOf(request: PreprocessedRequest, candidates: readonly Candidate[]): Candidate | null {
    const sessionId = sessionIdOf(request);
    if (this.sessions === null || sessionId === null) return null;
    const rank = this.sessions.find(sessionId);
    const bound = rank && candidates.find((it) => rankKey(it) === rankKey(rank));
    if (bound == null || bound.record.excluded === "taints") return null;
    if (bound.record.excluded !== "busy") return bound;
    if (this.sessions.settings.mode === "hard") throw allBusy(true);
    return null;
  }

  #pick(open: readonly Candidate[], blockCount: number, cost: CostSettings) {
    const { selection } = this.settings;
    if (selection.type === "twoTier") {
      const records = open.map(({ record }) => record);
      return pickTwoTier(records, blockCount, selection.settings);
    }
    const costs = open.map(({ record }) => record.logit);
    return pickLowest(costs, cost.temperature, this.#random);
  }

  #nobody(candidates: readonly Candidate[], isPinned: boolean, demand: TaintDemand): Error {
    const isForbidden = candidates.every(({ record }) => record.excluded === "taints");
    return isForbidden ? noEligible(demand.required) : allBusy(isPinned);
  }

  #isBusy(rank: RankId, thresholds: BusyThresholds): boolean {
    const { totalKvBlocks, maxBatchedTokens } = this.workers.get(rank.workerId);
    return isBusy({
      thresholds,
      report: this.reports.get(rank),
      activePrefillTokens: this.active.activePrefillTokens(rank),
      totalKvBlocks,
      maxBatchedTokens,
    });
  }

  /** For the queue: some rank is below its share of prefill. */
  #hasRoom(): boolean {
    const { queue } = this.settings;
    if (queue === null || this.#eligible.length === 0) return true;
    const thresholds = {
      activeDecodeBlocks: null,
      activePrefillTokens: queue.thresholdTokens,
      activePrefillTokensFrac: queue.thresholdFrac,
    };
    return this.#eligible
      .flatMap((workerId) => this.#ranksOf(workerId))
      .some((rank) => !this.#isBusy(rank, thresholds));
  }

  #tell(requestId: string, rank: RankId, type: "prefillCompleted" | "freed"): void {
    const { workerId, dpRank } = rank;
    const change = { type };
    const { routerId } = this;
    this.#topics.tellSequence({ requestId, workerId, dpRank, routerId, change, loraName: null });
  }

  #heard(event: ActiveSequenceEvent): void {
    if (event.routerId === this.routerId) return;
    const { requestId, workerId, dpRank, change } = event;
    if (change.type === "prefillCompleted") {
      if (this.active.prefillCompleted(requestId)) this.queue?.pump();
    } else if (change.type === "freed") {
      // Only its own router ends a request of this one.
      if (this.settings.replicaSync) this.active.free(requestId);
      this.queue?.pump();
    } else if (this.settings.replicaSync) {
      this.active.add({
        requestId,
        workerId,
        dpRank,
        blockKeys: toBlockKeys(change.sequenceHashes),
        uncachedTokens: change.trackPrefillTokens ? (change.uncachedTokens ?? 0) : 0,
      });
    }
  }

  #left(workerId: bigint): void {
    this.active.removeWorker(workerId);
    this.reports.removeWorker(workerId);
    this.sessions?.removeWorker(workerId);
    this.#guesses?.removeWorker(workerId);
    this.#seenMs.delete(workerId);
    for (const key of this.#answered.keys()) {
      if (key.startsWith(`${workerId}:`)) this.#answered.delete(key);
    }
    this.queue?.pump();
  }
}

export function createKvRouter(options: KvRouterOptions): KvRouter {
  return new KvRouter(options);
}

function loraOf(request: PreprocessedRequest): string | null {
  const name = request.routing?.lora_name ?? request.lora_name;
  return typeof name === "string" ? name : null;
}

/** `agent_context.session_id`: the header x-dynamo-session-id. */
export function sessionIdOf(request: PreprocessedRequest): string | null {
  const context = request.agent_context;
  if (typeof context !== "object" || context === null) return null;
  const id = (context as { session_id?: unknown }).session_id;
  return typeof id === "string" && id !== "" ? id : null;
}
