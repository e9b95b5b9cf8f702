// One engine on one thread: owns scheduler, cache and executor, and turns steps into outputs.
// It never waits for a consumer and never looks at time but to stamp events; who drives it is EngineLoop or a test.
import type { CompiledGrammar } from "@dyn/grammar";
import { InternalError } from "@dyn/protocol";
import { PagePool } from "../cache/page-pool.ts";
import { RadixCache } from "../cache/radix-cache.ts";
import type { EngineInfo, EngineMetrics } from "../contract/engine.ts";
import type { FinishReason, GenerateOutput } from "../contract/engine-output.ts";
import type { Executor, ForwardBatch, StepResult } from "../contract/executor.ts";
import type { GenerateRequest, RequestGrammar } from "../contract/generate-request.ts";
import type { KvEventBatch } from "../contract/kv-event.ts";
import { createRandom } from "../sampler/random.ts";
import { BatchBuilder } from "../scheduler/batch-builder.ts";
import type { RequestGroup } from "../scheduler/request-group.ts";
import { Scheduler, type StepPlan } from "../scheduler/scheduler.ts";
import { validateSchedulerOptions } from "../scheduler/scheduler-options.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { RequestLimits } from "../scheduler/validate-request.ts";
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
  readonly #outputs = new OutputFeed();
  readonly #preparing = new PreparingRequests();
  #inFlight: StepPlan | null = null;
  /** Wait for the step in flight to end. */
  readonly #aborted = new Map<Sequence, FinishReason>();
  #closed = false;
  #submittedCount = 0;

  constructor(executor: Executor, options: EngineOptions = {}) {
    const { pageSize, vocabSize, contextLength } = executor.info;
    const scheduler = pickSchedulerOptions(options);
    validateSchedulerOptions(scheduler, pageSize);
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
      disaggregation: null,
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
        stuck: (sequence) => this.#end(sequence, errorFinish(outOfPages())),
        displaced: (group) => this.#endGroup(group, errorFinish(displacedError())),
      },
      random: this.#random,
    });
    this.#tokens = new TokenSource(vocabSize);
    const now = options.now ?? Date.now;
    this.#events = new KvEventFeed(this.#cache, now);
    this.#metrics = new MetricsRecorder(now);
  }

  /** Nothing runs and nothing waits. */
  get isIdle(): boolean {
    return this.#open.count === 0;
  }

  /** Something waits for a step, and not only for its grammar. */
  get hasWork(): boolean {
    return this.#open.count > this.#preparing.count;
  }

  /** Requests that wait for their grammar to be compiled. */
  get preparing(): PreparingRequests {
    return this.#preparing;
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
    if (request.disaggregation != null) throw noDisaggregation();
    const alone = this.#options.disableRadixCache
      ? { ...request, cacheSalt: `${request.requestId} ${this.#submittedCount++}` }
      : request;
    if (alone.grammar == null) this.#schedule(alone, null);
    else this.#prepare(alone, alone.grammar);
  }

  /** Ends a request; what holds pages while a step is computed ends after it. */
  abort(requestId: string, message = "The request was aborted."): void {
    const group = this.#open.group(requestId);
    if (group === undefined) return;
    const reason: FinishReason = { type: "abort", message };
    for (const sequence of group.sequences) {
      if (sequence.state === "finished" || this.#aborted.has(sequence)) continue;
      if (this.#inFlight !== null && sequence.slot >= 0) this.#aborted.set(sequence, reason);
      else this.#end(sequence, reason);
    }
    this.#flush();
  }

  abortAll(message?: string): void {
    for (const { request } of this.#open.groups()) this.abort(request.requestId, message);
  }

  /** Plans, computes and samples one step. `false` = there was nothing to do. */
  async step(): Promise<boolean> {
    if (this.#inFlight !== null) throw new InternalError("Steps of an engine must not overlap.");
    const plan = this.#scheduler.plan();
    if (plan === null) {
      if (!this.#scheduler.isIdle) throw new InternalError("The scheduler found nothing to do.");
      this.#metrics.idle();
      this.#flush();
      return false;
    }
    this.#inFlight = plan;
    const batch = this.#build(plan);
    let result: StepResult;
    try {
      result = await this.#executor.step(batch);
    } catch (error) {
      this.#fail(plan, error);
      return true;
    }
    this.#finishStep(plan, batch, result);
    return true;
  }

  metrics(): EngineMetrics {
    return this.#metrics.snapshot(this.#scheduler, this.#pool, this.#cache);
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

  /** Everything fails with this error: the engine cannot go on. */
  failAll(error: unknown): void {
    this.#inFlight = null;
    this.#aborted.clear();
    for (const group of this.#open.groups()) this.#endGroup(group, errorFinish(error));
    this.#flush();
  }

  /** No request is taken any more; open ones are aborted. The executor is closed by who made it. */
  close(message = "The engine was closed."): void {
    this.#closed = true;
    this.abortAll(message);
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

  #schedule(request: GenerateRequest, grammar: CompiledGrammar | null): void {
    const opened = this.#openRequest(request, grammar, this.#random);
    this.#scheduler.submit(opened.group);
    this.#open.add(opened);
    for (const { choice, reason } of opened.finished) this.#emit(choice, [], null, reason);
    this.#flush();
  }

  /** What is wrong with other fields is said at once; the grammar's faults end the request later. */
  #prepare(request: GenerateRequest, { spec }: RequestGrammar): void {
    const { grammars } = this.#options;
    if (grammars === undefined) throw noGrammars();
    // Its seed is never used, so none is drawn.
    const placeholder = this.#openRequest(request, null, () => 0);
    this.#open.add(placeholder);
    const { group } = placeholder;
    this.#preparing.add(group, grammars.compile(spec), {
      done: (grammar) => {
        this.#open.remove(group);
        try {
          this.#schedule(request, grammar);
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
      const choice = this.#open.choice(sequence)!;
      if (at >= 0) {
        this.#advance(choice, result, at);
        sampled++;
      } else if (sequence.state === "running") {
        this.#endWith(choice, { type: "length" });
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
    const { sequence } = choice;
    try {
      const { tokenId, logprobs } = this.#tokens.take(choice, result, at);
      sequence.append(tokenId);
      const finish = choice.checkFinish(tokenId);
      if (finish !== null) this.#scheduler.finish(sequence);
      this.#emit(choice, [tokenId], logprobs, finish);
    } catch (error) {
      this.#endWith(choice, errorFinish(error));
    }
  }

  #fail(plan: StepPlan, error: unknown): void {
    this.#scheduler.cancel(plan);
    this.#inFlight = null;
    this.#endAborted();
    for (const sequence of plan.sequences) this.#end(sequence, errorFinish(error));
    this.#flush();
  }

  #endGroup(group: RequestGroup, reason: FinishReason): void {
    for (const sequence of group.sequences) this.#end(sequence, reason);
  }

  #end(sequence: Sequence, reason: FinishReason): void {
    const choice = this.#open.choice(sequence);
    if (choice !== undefined) this.#endWith(choice, reason);
  }

  #endWith(choice: Choice, reason: FinishReason): void {
    this.#scheduler.finish(choice.sequence);
    this.#emit(choice, [], null, reason);
  }

  #emit(
    choice: Choice,
    tokenIds: number[],
    logprobs: GenerateOutput["logprobs"],
    finish: FinishReason | null,
  ): void {
    this.#outputs.add(choice, tokenIds, logprobs, finish);
    if (finish === null || !this.#open.endChoice(choice)) return;
    this.#preparing.forget(choice.sequence.group);
    this.#metrics.requestEnded(finish);
  }

  #flush(): void {
    this.#events.flush();
    this.#outputs.flush();
  }
}
