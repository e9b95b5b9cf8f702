// Chooses the worker for a request: who has most of it cached, weighed against who is busy. Keeps the books of what runs
// where. It sends nothing itself.
import {
  type ApproximateIndex,
  type BlockHasher,
  type BlockHashes,
  createBlockHasher,
  type KvIndex,
} from "@dyn/kv-events";
import type { PreprocessedRequest } from "@dyn/protocol";
import type { EndpointId } from "@dyn/runtime";
import type { CachedBlocks } from "../cost/worker-cost.ts";
import { DecisionRing } from "../decision/decision-ring.ts";
import { makeDecision } from "../decision/make-decision.ts";
import type { RemoteIndex } from "../indexer/remote-index.ts";
import { CachedPrefixes } from "../intake/cached-prefixes.ts";
import type { KvEventIntake } from "../intake/kv-event-intake.ts";
import { WorkerDirectory } from "../intake/worker-facts.ts";
import { type ActiveRequests, type RankId, rankKey, toBlockKeys } from "../load/active-requests.ts";
import { BusyRanks } from "../load/busy-ranks.ts";
import { type BusyThresholds, type LoadReports, noThresholds } from "../load/busy-thresholds.ts";
import { type HeardSequences, RequestBooks } from "../load/request-books.ts";
import { CacheAudit } from "../observe/cache-audit.ts";
import type { RouterObserver } from "../observe/router-observer.ts";
import type { WorkerProblem } from "../observe/worker-problems.ts";
import { WorkerWatch } from "../observe/worker-watch.ts";
import { oneClass } from "../queue/queue-classes.ts";
import { RequestQueue } from "../queue/request-queue.ts";
import type { SessionBindings } from "../session/session-bindings.ts";
import { CandidatePool } from "./candidate-pool.ts";
import { overrideCost } from "./cost-override.ts";
import type { KvRouterOptions } from "./kv-router-options.ts";
import { pickCandidate, policyName } from "./pick-candidate.ts";
import { loraOf, sessionIdOf } from "./request-fields.ts";
import type { RouteChoice, RoutePreview, RouteQuery } from "./route-query.ts";
import { allBusy, nobodyLeft } from "./router-errors.ts";
import { completeRouterSettings, type RouterSettings } from "./router-settings.ts";
import { readTaints } from "./taint-demand.ts";
import type { Candidate } from "./weigh-candidates.ts";

const ringCapacity = 512;
const checkMs = 5_000;

export class KvRouter {
  readonly blockSize: number;
  readonly model: string;
  /** Of its workers. */
  readonly endpoint: EndpointId;
  readonly settings: RouterSettings;
  readonly decisions = new DecisionRing(ringCapacity);
  readonly queue: RequestQueue | null;
  readonly workers: WorkerDirectory;
  readonly audit: CacheAudit;
  readonly #prefixes: CachedPrefixes;
  readonly #books: RequestBooks;
  readonly #busy: BusyRanks;
  readonly #pool: CandidatePool;
  /** `null`: events are not used, so nobody is silent. */
  readonly #watch: WorkerWatch | null;
  readonly #hasher: BlockHasher = createBlockHasher();
  readonly #observer: RouterObserver;
  /** Whether what it follows comes by ZMQ. */
  readonly hearsByZmq: boolean;
  readonly #random: () => number;
  #eligible: readonly bigint[] = [];
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KvRouterOptions) {
    const { planes, endpoint, blockSize } = options;
    const settings = completeRouterSettings(options.settings ?? {});
    const now = options.now ?? (() => performance.now());
    this.settings = settings;
    this.blockSize = blockSize;
    this.model = options.model;
    this.endpoint = options.endpoint;
    this.#observer = options.observer ?? {};
    this.hearsByZmq = planes.eventPlane.kind === "zmq";
    this.#random = options.random ?? Math.random;
    const onProblem = (message: string, error: unknown) => this.#observer.problem?.(message, error);
    this.#prefixes = new CachedPrefixes({
      planes,
      endpoint,
      model: options.model,
      settings,
      now,
      onProblem,
      onApplied: (event, outcome) => this.#observer.eventApplied?.(event, outcome),
    });
    this.#books = new RequestBooks({
      plane: planes.eventPlane,
      endpoint,
      blockSize,
      settings,
      now,
      onLoad: (load) => this.reports.take(load),
      onRoom: () => this.queue?.pump(),
      onProblem,
    });
    this.workers = new WorkerDirectory({
      discovery: planes.discovery,
      endpoint,
      model: options.isOfModelAlone === true ? options.model : undefined,
      onLeft: (workerId) => this.#left(workerId),
      onProblem,
    });
    const { workers, active, index, intake } = this;
    this.#busy = new BusyRanks({ workers, active, thresholds: settings.thresholds });
    this.#pool = new CandidatePool({ blockSize, settings, workers, active, busy: this.#busy });
    this.audit = new CacheAudit(blockSize);
    this.#watch =
      intake &&
      new WorkerWatch({
        intake,
        index,
        workers,
        audit: this.audit,
        blockSize,
        now,
        onWarned: (message) => this.#observer.warned?.(message),
      });
    const ofModel = settings.queueOfModel.get(options.model);
    const queue = ofModel === undefined ? settings.queue : ofModel;
    this.queue =
      queue &&
      new RequestQueue({
        classes: "classes" in queue ? queue : oneClass(queue),
        now,
        hasRoom: (its) => this.#eligible.length === 0 || this.#busy.hasRoom(this.#eligible, its),
        workerCount: () => this.#eligible.length,
        onRefused: (what, className) => this.#observer.refused?.(what, className),
      });
  }

  get active(): ActiveRequests {
    return this.#books.active;
  }

  get sessions(): SessionBindings | null {
    return this.#books.sessions;
  }

  /** `null`: the index is in this process. */
  get remote(): RemoteIndex | null {
    return this.#prefixes.remote;
  }

  /** By `rankKey`: who has how much of a prompt. */
  findCached(hashes: BlockHashes): ReadonlyMap<string, CachedBlocks> {
    return this.#prefixes.find(hashes);
  }

  /** Under which other routers know this one. */
  get routerId(): bigint {
    return this.#books.routerId;
  }

  get heardSequences(): HeardSequences {
    return this.#books.heard;
  }

  get index(): KvIndex {
    return this.#prefixes.index;
  }

  /** What prompts are believed to be where they were sent; `null`: none. */
  get guesses(): ApproximateIndex | null {
    return this.#prefixes.guesses;
  }

  /** `null`: events are not used. */
  get intake(): KvEventIntake | null {
    return this.#prefixes.intake;
  }

  get reports(): LoadReports {
    return this.#busy.reports;
  }

  /** Workers that this router cannot know, as of the last check. */
  get problems(): readonly WorkerProblem[] {
    return this.#watch?.problems ?? [];
  }

  get thresholds(): BusyThresholds {
    return this.#busy.thresholds;
  }

  setThresholds(thresholds: BusyThresholds): void {
    this.#busy.thresholds = thresholds;
    this.queue?.pump();
  }

  /** Follows events and reports from now on. */
  async start(): Promise<void> {
    await this.#prefixes.start();
    await this.#books.start();
    this.#timer = setInterval(() => this.check(), checkMs);
    this.#timer.unref();
  }

  /** Who may be asked at all; the queue asks whether any of them has room. */
  setEligible(workerIds: readonly bigint[]): void {
    this.#eligible = workerIds;
  }

  /** Of a request that is being routed. */
  hash(request: PreprocessedRequest): BlockHashes {
    const startMs = performance.now();
    const localHashes = this.#hashBlocks(request);
    const blocksMs = performance.now();
    const sequenceHashes = this.#hasher.chain(localHashes);
    const sequenceMs = performance.now() - blocksMs;
    this.#observer.hashed?.({ blockMs: blocksMs - startMs, sequenceMs });
    return { localHashes, sequenceHashes };
  }

  /**
   * Says who takes it and why; books nothing. Throws an OverloadedError (529) when all that may are busy.
   */
  choose(query: RouteQuery): RouteChoice {
    const { request, pin = null } = query;
    const { blockSize } = this;
    const tokenCount = request.token_ids.length;
    const startMs = performance.now();
    const hashes = query.hashes ?? this.hash(request);
    const blockCount = hashes.sequenceHashes.length;
    const hashedMs = performance.now();
    const overlaps = this.#prefixes.find(hashes, query.told);
    const foundMs = performance.now();
    const cost = overrideCost(this.settings.cost, request.router_config_override);
    const demand = readTaints(request.routing?.routing_constraints);
    const ranks = this.#pool.ranks(query);
    const blockKeys = toBlockKeys(hashes.sequenceHashes);
    const candidates = this.#pool.weigh(ranks, { request, blockKeys, overlaps, cost, demand });
    const bound = pin === null ? this.#sessionOf(request, candidates) : null;
    const open = bound !== null ? [bound] : candidates.filter((it) => it.record.excluded === null);
    if (open.length === 0) throw nobodyLeft(candidates, pin !== null, demand);
    const picked = pickCandidate(open, blockCount, this.settings.selection, cost, this.#random);
    const winner = open[picked.index]!;
    const doneMs = performance.now();
    this.#observer.timed?.({
      hashMs: hashedMs - startMs,
      findMs: foundMs - hashedMs,
      chooseMs: doneMs - foundMs,
    });
    const alone = open.length === 1 ? "only" : "cost";
    const record = makeDecision({
      sequence: this.#sequence++,
      atMs: Date.now(),
      requestId: query.requestId,
      model: this.model,
      mode: this.settings.useKvEvents ? "kv" : "kv-approximate",
      policy: policyName(this.settings.selection),
      reason: pin !== null ? "pin" : bound !== null ? "session" : alone,
      tokenCount,
      blockSize,
      blockCount,
      tieCount: picked.tieCount,
      temperature: cost.temperature,
      queuedMs: query.queuedMs ?? 0,
      tookUs: Math.round((doneMs - startMs) * 1000),
      winner: winner.record,
      candidates: candidates.map((it) => it.record),
      prefill: query.prefill ?? null,
    });
    this.decisions.add(record);
    this.#observer.decided?.(record, query.trace ?? null);
    const { workerId, dpRank } = winner;
    const { deviceBlocks, hostBlocks, diskBlocks } = winner.record;
    const held = this.active.leadingBlocks(winner, blockKeys);
    return {
      workerId,
      dpRank,
      record,
      hashes,
      promise: {
        leastBlocks: deviceBlocks,
        mostBlocks: Math.max(deviceBlocks, hostBlocks, diskBlocks, held),
      },
      cachedTokens: deviceBlocks * blockSize,
      tracksPrefill: cost.trackPrefillTokens,
    };
  }

  /** Who would take it now; nothing is decided. `null`: all that may are busy. */
  preview({ request, workerIds }: Pick<RouteQuery, "request" | "workerIds">): RoutePreview | null {
    const hashes = this.#hashAll(request);
    const demand = readTaints(request.routing?.routing_constraints);
    const { cost } = this.settings;
    const overlaps = this.#prefixes.find(hashes);
    const ranks = this.#pool.ranks({ request, workerIds });
    const blockKeys = toBlockKeys(hashes.sequenceHashes);
    const weighed = this.#pool.weigh(ranks, { request, blockKeys, overlaps, cost, demand });
    const open = weighed.filter(({ record }) => record.excluded === null);
    if (open.length === 0) return null;
    const { workerId, dpRank, record } = open.reduce((a, b) =>
      b.record.logit < a.record.logit ? b : a,
    );
    const cachedTokens = Math.min(request.token_ids.length, record.credit * this.blockSize);
    return { workerId, dpRank, cachedTokens };
  }

  /** The most of its prompt that one of the eligible workers has cached on its device, in tokens. */
  cachedTokens(request: PreprocessedRequest): number {
    const found = this.#prefixes.find(this.#hashAll(request));
    const ranks = this.#pool.ranks({ request, workerIds: this.#eligible });
    const most = Math.max(0, ...ranks.map((rank) => found.get(rankKey(rank))?.deviceBlocks ?? 0));
    return most * this.blockSize;
  }

  /** Whether a rank is above these thresholds. */
  isAbove(rank: RankId, thresholds: Partial<BusyThresholds>): boolean {
    return this.#busy.isAbove(rank, { ...noThresholds, ...thresholds });
  }

  /** The request is sent there now. */
  book(requestId: string, choice: RouteChoice, request: PreprocessedRequest): void {
    this.#books.add(requestId, choice, request);
    this.#prefixes.recordDecision(choice, choice.hashes);
    this.queue?.pump();
  }

  prefillCompleted(requestId: string, rank: RankId): void {
    if (this.#books.prefillCompleted(requestId, rank)) this.queue?.pump();
  }

  /** `isAnswered`: it came to its end. */
  free(requestId: string, rank: RankId, blockCount: number, isAnswered: boolean): void {
    this.#books.free(requestId, rank);
    if (isAnswered && blockCount > 0) this.#watch?.answered(rank);
    this.queue?.pump();
  }

  /** The worker's own word on how much of the prompt it had cached. */
  answered(choice: RouteChoice, cachedTokens: number): void {
    this.audit.observe(choice, choice.promise, cachedTokens);
  }

  sessionDispatched(sessionId: string, rank: RankId): void {
    this.#books.sessionDispatched(sessionId, rank);
  }

  sessionEnded(sessionId: string, isFailed: boolean): void {
    this.#books.sessionEnded(sessionId, isFailed);
  }

  /** Looks for workers that tell nothing, and forgets requests that nobody ended. */
  check(): void {
    this.active.expire();
    // Nobody may have asked since a worker came.
    this.#watch?.check([...new Set([...this.#eligible, ...this.workers.workerIds])]);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#prefixes.close(), this.#books.close(), this.workers.close()]);
  }

  /** Of a request that is only looked at. */
  #hashAll(request: PreprocessedRequest): BlockHashes {
    const localHashes = this.#hashBlocks(request);
    return { localHashes, sequenceHashes: this.#hasher.chain(localHashes) };
  }

  #hashBlocks(request: PreprocessedRequest): BigUint64Array {
    return this.#hasher.hashBlocks(request.token_ids, {
      blockSize: this.blockSize,
      cacheSalt: request.routing?.cache_salt,
      loraName: loraOf(request),
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

  #left(workerId: bigint): void {
    this.#eligible = this.#eligible.filter((id) => id !== workerId);
    this.#books.removeWorker(workerId);
    this.reports.removeWorker(workerId);
    this.#prefixes.removeWorker(workerId);
    this.audit.removeWorker(workerId);
    this.#watch?.removeWorker(workerId);
    this.queue?.pump();
  }
}

/** It knows nobody until `start`; workers that may be asked come by `setEligible`. */
export function createKvRouter(options: KvRouterOptions): KvRouter {
  return new KvRouter(options);
}
