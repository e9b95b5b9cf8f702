// One engine on one thread: owns scheduler, cache and executor, and turns steps into outputs.
// It never waits for a consumer and never looks at time but to stamp events; who drives it is EngineLoop or a test.
import type { CompiledGrammar } from "@dyn/grammar";
import { InternalError } from "@dyn/protocol";
import { PagePool } from "../cache/page-pool.ts";
import { RadixCache } from "../cache/radix-cache.ts";
import type { EngineInfo, EngineMetrics } from "../contract/engine.ts";
import type { EngineCommand, EngineControlState } from "../contract/engine-control.ts";
import type { FinishReason, GenerateOutput } from "../contract/engine-output.ts";
import type { Executor, ForwardBatch, StepResult } from "../contract/executor.ts";
import type { GenerateRequest, RequestGrammar } from "../contract/generate-request.ts";
import type { KvEventBatch } from "../contract/kv-event.ts";
import type { HandOver } from "../contract/kv-transfer.ts";
import { EngineControls } from "../control/engine-controls.ts";
import { StepProfile } from "../control/step-profile.ts";
import { fakeBootstrapHost, HandOvers } from "../handover/hand-overs.ts";
import { createRandom } from "../sampler/random.ts";
import { BatchBuilder } from "../scheduler/batch-builder.ts";
import type { RequestGroup } from "../scheduler/request-group.ts";
import { Scheduler, type StepPlan } from "../scheduler/scheduler.ts";
import { validateSchedulerOptions } from "../scheduler/scheduler-options.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { RequestLimits } from "../scheduler/validate-request.ts";
import { ChangeSignal } from "./change-signal.ts";
import type { Choice } from "./choice.ts";
import type { EngineOptions } from "./engine-options.ts";
import { errorFinish } from "./error-finish.ts";
import { KvEventFeed } from "./kv-event-feed.ts";
import { limitPages } from "./limit-pages.ts";
import { readLogitRows, wantsNext } from "./logit-rows.ts";
import { MetricsRecorder } from "./metrics-recorder.ts";
import { openRequest } from "./open-request.ts";
import { OpenRequests } from "./open-requests.ts";
import { OutputFeed } from "./output-feed.ts";
import { pickSchedulerOptions } from "./pick-scheduler-options.ts";
import { PreparingRequests } from "./preparing-requests.ts";
import { promptPositions } from "./prompt-logprobs.ts";
import {
  closedError,
  displacedError,
  noDisaggregation,
  noGrammars,
  noKvStore,
  outOfPages,
  requestIdInUse,
} from "./refusals.ts";
import { TokenSource } from "./token-source.ts";

/** 64 MB of f32. */
const defaultMaxPromptLogits = 2 ** 24;

export class EngineCore {
  readonly info: EngineInfo;
  readonly #executor: Executor;
  readonly #options: EngineOptions;
  readonly #limits: RequestLimits;
  readonly #pool: PagePool;
  readonly #cache: RadixCache;
  readonly #scheduler: Scheduler;
  readonly #tokens: TokenSource;
  readonly #random: () => number;
  readonly #events: KvEventFeed;
  readonly #metrics: MetricsRecorder;
  /** One each, so that a prefill between two decodes does not cost the decode table's rows. */
  readonly #prefillBatch = new BatchBuilder();
  readonly #decodeBatch = new BatchBuilder();
  readonly #open = new OpenRequests();
  readonly #outputs: OutputFeed;
  readonly #now: () => number;
  readonly #preparing = new PreparingRequests();
  readonly #handOvers: HandOvers | null;
  readonly #controls: EngineControls;
  /** What may be of interest to who drives the core. */
  readonly changes = new ChangeSignal();
  /** What could be planned waits for pages or KV that another engine's doing brings. */
  #isBlocked = false;
  #inFlight: StepPlan | null = null;
  /** Wait for the step in flight to end. */
  readonly #aborted = new Map<Sequence, FinishReason>();
  #closed = false;
  #submittedCount = 0;

  constructor(executor: Executor, options: EngineOptions = {}) {
    const { pageSize, vocabSize, contextLength } = executor.info;
    const scheduler = pickSchedulerOptions(options);
    validateSchedulerOptions(scheduler, pageSize);
    const now = options.now ?? Date.now;
    this.#now = now;
    this.#outputs = new OutputFeed(now);
    const pageCount = limitPages(executor.info.pageCount, pageSize, options.maxTotalTokens ?? null);
    this.#executor = executor;
    this.#options = options;
    this.#random =
      options.random ??
      (options.randomSeed == null ? Math.random : createRandom(options.randomSeed));
    this.info = {
      ...executor.info,
      pageCount,
      maxRunningRequests: scheduler.maxRunningRequests,
      disaggregation: options.kvTransfer?.info ?? null,
      kvLayout: executor.kv?.layout ?? null,
    };
    this.#limits = {
      vocabSize,
      contextLength,
      poolTokens: pageCount * pageSize,
      maxChoices: options.maxChoices ?? 128,
    };
    this.#pool = new PagePool(pageCount);
    this.#cache = new RadixCache({ pageSize, pool: this.#pool });
    this.#scheduler = new Scheduler({
      scheduler,
      cache: this.#cache,
      pool: this.#pool,
      pageSize,
      logprobChunkTokens: Math.floor(
        (options.maxPromptLogits ?? defaultMaxPromptLogits) / vocabSize,
      ),
      hooks: {
        released: (slot) => executor.releaseSequence(slot),
        awaitsKv: (sequence) => {
          sequence.group.scheduledMs ??= now();
          this.#handOvers!.decode.fetch(sequence);
        },
        stuck: (sequence) => this.#end(sequence, errorFinish(outOfPages())),
        displaced: (group) => this.#endGroup(group, errorFinish(displacedError())),
      },
      random: this.#random,
    });
    this.#tokens = new TokenSource(vocabSize);
    this.#events = new KvEventFeed(this.#cache, now);
    this.#metrics = new MetricsRecorder(now);
    this.#handOvers = this.#openHandOvers(now, scheduler.maxQueuedRequests);
    this.#controls = this.#openControls();
  }

  /** Nothing runs, nothing waits, and no page is leased to another engine. */
  get isIdle(): boolean {
    return this.#open.count === 0 && (this.#handOvers?.openCount ?? 0) === 0;
  }

  /** A step may find something to compute. */
  get hasWork(): boolean {
    return !this.#isBlocked && this.#controls.mayStep && this.#scheduler.hasWork;
  }

  /** Some choice of this request is open. */
  holds(requestId: string): boolean {
    return this.#open.group(requestId) !== undefined;
  }

  get cache(): RadixCache {
    return this.#cache;
  }

  get pool(): PagePool {
    return this.#pool;
  }

  get scheduler(): Scheduler {
    return this.#scheduler;
  }

  /** Where outputs go: once per step, and when requests end between steps. The array is the receiver's. */
  onOutputs(sink: (outputs: GenerateOutput[]) => void): void {
    this.#outputs.onOutputs(sink);
  }

  /** Takes a request or throws: InvalidArgumentError, OverloadedError, UnavailableError. */
  submit(request: GenerateRequest): void {
    if (this.#closed) throw closedError();
    if (this.holds(request.requestId)) throw requestIdInUse(request.requestId);
    const real = withoutFakeTransfer(request);
    if (real.disaggregation != null) {
      if (this.#handOvers === null) throw noDisaggregation();
      this.#handOvers.check(real);
    }
    const alone = this.#options.disableRadixCache
      ? { ...real, cacheSalt: `${request.requestId} ${this.#submittedCount++}` }
      : real;
    if (alone.grammar == null) this.#schedule(alone, null, this.#now());
    else this.#prepare(alone, alone.grammar);
  }

  /** Ends a request; what holds pages while a step is computed ends after it. */
  abort(requestId: string, message = "The request was aborted."): void {
    const group = this.#open.group(requestId);
    if (group !== undefined) this.#endSoon(group, { type: "abort", message });
  }

  abortAll(message?: string): void {
    for (const { request } of this.#open.groups()) this.abort(request.requestId, message);
  }

  /** Plans, computes and samples one step. `false` = there was nothing to do. */
  async step(): Promise<boolean> {
    if (this.#inFlight !== null) throw new InternalError("Steps of an engine must not overlap.");
    if (!this.#controls.mayStep) return false;
    const planUs = this.#controls.profile === null ? 0 : StepProfile.nowUs();
    const plan = this.#scheduler.plan();
    if (plan === null) {
      if (!this.#scheduler.isIdle) {
        if (!this.#scheduler.awaitsOthers && !this.#scheduler.isHeld) {
          throw new InternalError("The scheduler found nothing to do.");
        }
        this.#isBlocked = true;
      }
      this.#metrics.idle();
      this.#flush();
      return false;
    }
    this.#inFlight = plan;
    if (plan.kind === "prefill") this.#stampScheduled(plan);
    const batch = this.#build(plan);
    const startUs = planUs === 0 ? 0 : StepProfile.nowUs();
    let result: StepResult;
    try {
      result = await this.#executor.step(batch);
    } catch (error) {
      this.#fail(plan, error);
      this.changes.emit();
      return true;
    }
    const computedUs = planUs === 0 ? 0 : StepProfile.nowUs();
    this.#finishStep(plan, batch, result);
    if (planUs !== 0) {
      const { kind, rowCount: rows, tokenIds } = batch;
      const endUs = StepProfile.nowUs();
      const tokens = tokenIds.length;
      this.#controls.profile?.add({
        ...{ kind, rows, tokens },
        ...{ planUs, startUs, computedUs, endUs },
      });
    }
    this.changes.emit();
    return true;
  }

  metrics(): EngineMetrics {
    const handOver = this.#handOvers?.metrics(this.#scheduler.leased) ?? null;
    return this.#metrics.snapshot(this.#scheduler, this.#pool, this.#cache, handOver);
  }

  onKvEvents(listener: (batch: KvEventBatch) => void): () => void {
    return this.#events.subscribe(listener);
  }

  /** Empties the cache; `false` when requests are running or waiting. */
  flushCache(): boolean {
    if (!this.isIdle || this.#inFlight !== null) return false;
    this.#cache.reset();
    this.#events.flush();
    return true;
  }

  control(command: EngineCommand): Promise<EngineControlState> {
    if (this.#closed) return Promise.reject(closedError());
    return this.#controls.run(command);
  }

  /** Everything fails with this error: the engine cannot go on. */
  failAll(error: unknown): void {
    this.#inFlight = null;
    this.#aborted.clear();
    for (const group of this.#open.groups()) this.#endGroup(group, errorFinish(error));
    this.#flush();
    this.changes.emit();
  }

  /** No request is taken any more; open ones are aborted. The executor is closed by who made it. */
  close(message = "The engine was closed."): void {
    this.#closed = true;
    this.abortAll(message);
  }

  /** After `close`, when the core is idle: nothing can be handed over any more. */
  dispose(): void {
    this.#handOvers?.close();
  }

  #stampScheduled({ sequences }: StepPlan): void {
    for (const { group } of sequences) group.scheduledMs ??= this.#now();
  }

  #openRequest(request: GenerateRequest, grammar: CompiledGrammar | null, random: () => number) {
    return openRequest(request, {
      limits: this.#limits,
      pageSize: this.info.pageSize,
      random,
      createDecoder: this.#options.createDecoder,
      grammar,
    });
  }

  #schedule(request: GenerateRequest, grammar: CompiledGrammar | null, receivedMs: number): void {
    const opened = this.#openRequest(request, grammar, this.#random);
    const { group } = opened;
    group.receivedMs = receivedMs;
    const first = group.sequences.find(({ state }) => state !== "finished");
    const role = first === undefined ? undefined : request.disaggregation?.role;
    if (role !== undefined) this.#handOvers!.check(request);
    if (role === "prefill") {
      for (const sequence of group.sequences) {
        sequence.maxLength = Math.min(sequence.maxLength, sequence.length + 1);
      }
    } else {
      if (role === "decode") first!.awaitsKv = true;
      this.#scheduler.submit(group);
    }
    this.#open.add(opened);
    if (role === "prefill") this.#handOvers!.prefill.open(group);
    if (role === "decode") this.#handOvers!.decode.take(group);
    for (const { choice, reason } of opened.finished) this.#emit(choice, [], null, reason);
    this.#flush();
    this.#changed();
  }

  #openHandOvers(now: () => number, maxQueued: number | null): HandOvers | null {
    const { kvTransfer: transfer } = this.#options;
    if (transfer === undefined) return null;
    const { kv } = this.#executor;
    if (kv === undefined) throw noKvStore(this.info.kind);
    return new HandOvers({
      transfer,
      kv,
      now,
      maxWaiting: maxQueued ?? Number.POSITIVE_INFINITY,
      host: {
        schedule: (group) => this.#scheduler.submit(group),
        finishPrefill: (group, handOver) => this.#finishPrefill(group, handOver),
        received: (group, handOver) => this.#received(group, handOver),
        end: (group, reason) => this.#endSoon(group, reason),
        endLease: (sequence) => this.#scheduler.endLease(sequence),
        changed: () => this.#changed(),
      },
    });
  }

  #openControls(): EngineControls {
    const core = this;
    const scheduler = this.#scheduler;
    return new EngineControls(this.#executor, {
      get isStepping() {
        return core.#inFlight !== null;
      },
      get hasPages() {
        return scheduler.runningCount > 0 || scheduler.awaitsOthers;
      },
      get hasBegun() {
        return scheduler.begunCount > 0;
      },
      get openCount() {
        return core.#open.count;
      },
      changed: () => this.changes.next(),
      wake: () => this.#changed(),
      abortAll: (message) => this.abortAll(message),
      abortBegun: (message) => {
        for (const group of this.#open.groups()) {
          if (group.hasLeftQueue) this.abort(group.request.requestId, message);
        }
      },
      retractAll: () => scheduler.retractAll(),
      holdQueue: (isHeld) => {
        scheduler.holdQueue(isHeld);
        this.#changed();
      },
      resetCache: () => {
        if (scheduler.runningCount > 0 || scheduler.awaitsOthers) return false;
        this.#cache.reset();
        this.#events.flush();
        return true;
      },
    });
  }

  /** What is wrong with other fields is said at once; the grammar's faults end the request later. */
  #prepare(request: GenerateRequest, { spec }: RequestGrammar): void {
    const { grammars } = this.#options;
    if (grammars === undefined) throw noGrammars();
    // Its seed is never used, so none is drawn.
    const placeholder = this.#openRequest(request, null, () => 0);
    this.#open.add(placeholder);
    const { group } = placeholder;
    group.receivedMs = this.#now();
    this.#preparing.add(group, grammars.compile(spec), {
      done: (grammar) => {
        this.#open.remove(group);
        try {
          this.#schedule(request, grammar, group.receivedMs);
        } catch (error) {
          this.#open.add(placeholder);
          this.#endGroup(group, errorFinish(error));
          this.#flush();
        }
      },
      failed: (error) => {
        this.#endGroup(group, errorFinish(error));
        this.#flush();
      },
    });
  }

  #build(plan: StepPlan): ForwardBatch {
    const builder = plan.kind === "prefill" ? this.#prefillBatch : this.#decodeBatch;
    return builder.build(plan, {
      rowSampling: (sequence) => {
        const { row } = this.#open.choice(sequence)!;
        row.step = sequence.produced;
        return row;
      },
      promptPositions,
      wantsNext,
      logitsRequired: (sequence) => this.#open.choice(sequence)!.needsLogits,
    });
  }

  #finishStep(plan: StepPlan, batch: ForwardBatch, result: StepResult): void {
    const rows = readLogitRows(plan, batch, result, this.info.vocabSize);
    this.#scheduler.complete(plan);
    this.#inFlight = null;
    let sampled = 0;
    for (const [i, sequence] of plan.sequences.entries()) {
      const at = rows[i]!;
      this.#countPrompt(sequence);
      if (this.#aborted.has(sequence)) continue;
      if (sequence.isLeased) this.#handOvers!.prefill.advanced(sequence);
      const choice = this.#open.choice(sequence)!;
      if (at >= 0) {
        this.#advance(choice, result, at);
        sampled++;
      } else if (sequence.state === "running") {
        if (isPrefillHalf(choice)) this.#keepFirstToken(choice, null, null);
        else this.#endWith(choice, { type: "length" });
      }
    }
    this.#endAborted();
    this.#metrics.step(plan.kind, sampled);
    this.#flush();
  }

  #countPrompt({ group, computed, promptLength }: Sequence): void {
    if (group.isCounted || computed < promptLength) return;
    group.isCounted = true;
    this.#metrics.promptDone(group);
  }

  #endAborted(): void {
    for (const [sequence, reason] of this.#aborted) this.#end(sequence, reason);
    this.#aborted.clear();
  }

  /** Samples one token and says it. A choice whose sampling fails ends alone. */
  #advance(choice: Choice, result: StepResult, at: number): void {
    try {
      const { tokenId, logprobs } = this.#tokens.take(choice, result, at);
      if (isPrefillHalf(choice)) this.#keepFirstToken(choice, tokenId, logprobs);
      else this.#say(choice, tokenId, logprobs);
    } catch (error) {
      this.#endWith(choice, errorFinish(error));
    }
  }

  /** The choice goes on by a token that its sampler has accepted. */
  #say(choice: Choice, tokenId: number, logprobs: GenerateOutput["logprobs"]): void {
    const { sequence } = choice;
    sequence.append(tokenId);
    const finish = choice.checkFinish(tokenId);
    if (finish !== null) this.#scheduler.finish(sequence);
    this.#emit(choice, [tokenId], logprobs, finish);
  }

  /** The other engine says the token; here the choice waits until that engine has all. */
  #keepFirstToken(
    choice: Choice,
    tokenId: number | null,
    logprobs: GenerateOutput["logprobs"],
  ): void {
    const { sequence } = choice;
    if (tokenId !== null) sequence.append(tokenId);
    if (sequence.isLeased) this.#scheduler.hold(sequence);
    else this.#scheduler.finish(sequence);
    this.#handOvers!.prefill.sampled(choice, tokenId, logprobs);
  }

  #finishPrefill(group: RequestGroup, handOver: HandOver): void {
    for (const [index, { tokenId, logprobs }] of handOver.choices.entries()) {
      const choice = this.#open.choice(group.sequences[index]!);
      if (choice === undefined) continue;
      this.#scheduler.finish(choice.sequence);
      const tokenIds = tokenId === null ? [] : [tokenId];
      this.#emit(choice, tokenIds, logprobs, { type: "length" });
    }
    this.#flush();
  }

  /** First tokens and sampler states of the prefill half; the KV is in the pages of the first choice. */
  #received(group: RequestGroup, handOver: HandOver): void {
    const first = group.sequences.find(({ awaitsKv }) => awaitsKv)!;
    group.cachedTokens = handOver.cachedTokens;
    group.promptLogprobs?.push(...(handOver.promptLogprobs ?? []));
    this.#scheduler.received(first);
    this.#countPrompt(first);
    for (const [index, { tokenId, logprobs, samplerState }] of handOver.choices.entries()) {
      const choice = this.#open.choice(group.sequences[index]!);
      if (choice === undefined) continue;
      try {
        choice.adoptSeed(samplerState.seed);
        if (tokenId === null) {
          this.#endWith(choice, { type: "length" });
          continue;
        }
        choice.sampler.accept(this.#tokens.check(tokenId));
        this.#say(choice, tokenId, logprobs);
      } catch (error) {
        this.#endWith(choice, errorFinish(error));
      }
    }
    this.#flush();
  }

  #fail(plan: StepPlan, error: unknown): void {
    this.#scheduler.cancel(plan);
    this.#inFlight = null;
    this.#endAborted();
    for (const sequence of plan.sequences) this.#end(sequence, errorFinish(error));
    this.#flush();
  }

  #endSoon(group: RequestGroup, reason: FinishReason): void {
    this.#endChoices(group, reason);
    this.#flush();
    this.#changed();
  }

  /** Ends a request; what holds pages while a step is computed ends after it. */
  #endChoices(group: RequestGroup, reason: FinishReason): void {
    for (const sequence of group.sequences) {
      if (this.#open.choice(sequence) === undefined || this.#aborted.has(sequence)) continue;
      if (this.#inFlight !== null && sequence.slot >= 0) this.#aborted.set(sequence, reason);
      else this.#end(sequence, reason);
    }
  }

  #changed(): void {
    this.#isBlocked = false;
    this.changes.emit();
  }

  #endGroup(group: RequestGroup, reason: FinishReason): void {
    for (const sequence of group.sequences) this.#end(sequence, reason);
  }

  #end(sequence: Sequence, reason: FinishReason): void {
    const choice = this.#open.choice(sequence);
    if (choice !== undefined) this.#endWith(choice, reason);
  }

  #endWith(choice: Choice, reason: FinishReason): void {
    const { group } = choice.sequence;
    this.#scheduler.finish(choice.sequence);
    this.#emit(choice, [], null, reason);
    // The other engine gets all choices or none.
    if (isPrefillHalf(choice)) this.#endChoices(group, reason);
  }

  #emit(
    choice: Choice,
    tokenIds: number[],
    logprobs: GenerateOutput["logprobs"],
    finish: FinishReason | null,
  ): void {
    this.#outputs.add(choice, tokenIds, logprobs, finish);
    if (finish === null || !this.#open.endChoice(choice)) return;
    const { group } = choice.sequence;
    this.#preparing.forget(group);
    this.#handOvers?.ended(group, finishMessage(finish));
    this.#metrics.requestEnded(finish);
    this.changes.emit();
  }

  #flush(): void {
    this.#events.flush();
    this.#outputs.flush();
  }
}

function isPrefillHalf({ sequence }: Choice): boolean {
  return sequence.group.request.disaggregation?.role === "prefill";
}

/** SGLang's requests for warm-up and canaries go through the engine without another one: prefill to its end, decode whole. */
function withoutFakeTransfer(request: GenerateRequest): GenerateRequest {
  const half = request.disaggregation;
  if (half?.bootstrapHost !== fakeBootstrapHost) return request;
  const { sampling } = request;
  const alone = { ...request, disaggregation: null };
  if (half.role === "decode") return alone;
  return {
    ...alone,
    sampling: { ...sampling, maxNewTokens: Math.min(sampling.maxNewTokens ?? 1, 1) },
  };
}

/** What the other engine is told of a request's end. */
function finishMessage(finish: FinishReason): string {
  if (finish.type === "abort") return finish.message;
  return finish.type === "error" ? finish.error.message : "The request ended.";
}
