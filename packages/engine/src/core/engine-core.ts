// One engine on one thread: owns scheduler, cache and executor, and turns steps into outputs.
// It never waits for a consumer and never looks at time but to stamp events; who drives it is EngineLoop or a test.
// Here its rooms are put together: a request comes in by RequestIntake, StepRunner computes, Answers says and ends.
import { PagePool } from "../cache/page-pool.ts";
import { RadixCache } from "../cache/radix-cache.ts";
import type { EngineInfo, EngineMetrics } from "../contract/engine.ts";
import type { EngineCommand, EngineControlState } from "../contract/engine-control.ts";
import type { FinishReason, GenerateOutput } from "../contract/engine-output.ts";
import type { Executor } from "../contract/executor.ts";
import type { GenerateRequest } from "../contract/generate-request.ts";
import type { KvEventBatch } from "../contract/kv-event.ts";
import { EngineControls } from "../control/engine-controls.ts";
import type { HandOverHost } from "../handover/hand-over-host.ts";
import { HandOvers } from "../handover/hand-overs.ts";
import { createRandom } from "../sampler/random.ts";
import type { RequestGroup } from "../scheduler/request-group.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import { validateSchedulerOptions } from "../scheduler/scheduler-options.ts";
import { Answers } from "./answers.ts";
import { ChangeSignal } from "./change-signal.ts";
import { createControlHost } from "./create-control-host.ts";
import { createHandOverHost } from "./create-hand-over-host.ts";
import type { EngineOptions } from "./engine-options.ts";
import { errorFinish } from "./error-finish.ts";
import { KvEventFeed } from "./kv-event-feed.ts";
import { limitPages } from "./limit-pages.ts";
import { MetricsRecorder } from "./metrics-recorder.ts";
import { OutputFeed } from "./output-feed.ts";
import { pickSchedulerOptions } from "./pick-scheduler-options.ts";
import { closedError, displacedError, noKvStore, outOfPages, requestIdInUse } from "./refusals.ts";
import { RequestIntake } from "./request-intake.ts";
import { StepRunner } from "./step-runner.ts";
import { TokenSource } from "./token-source.ts";

/** 64 MB of f32. */
const defaultMaxPromptLogits = 2 ** 24;

export class EngineCore {
  readonly info: EngineInfo;
  /** What may be of interest to who drives the core. */
  readonly changes = new ChangeSignal();
  readonly pool: PagePool;
  readonly cache: RadixCache;
  readonly scheduler: Scheduler;
  readonly #outputs: OutputFeed;
  readonly #events: KvEventFeed;
  readonly #metrics: MetricsRecorder;
  readonly #answers: Answers;
  readonly #handOvers: HandOvers | null;
  readonly #controls: EngineControls;
  readonly #intake: RequestIntake;
  readonly #steps: StepRunner;
  #closed = false;

  constructor(executor: Executor, options: EngineOptions = {}) {
    const { pageSize, vocabSize, contextLength } = executor.info;
    const scheduling = pickSchedulerOptions(options);
    validateSchedulerOptions(scheduling, pageSize);
    const now = options.now ?? Date.now;
    const random =
      options.random ??
      (options.randomSeed == null ? Math.random : createRandom(options.randomSeed));
    const pageCount = limitPages(executor.info.pageCount, pageSize, options.maxTotalTokens ?? null);
    this.info = {
      ...executor.info,
      pageCount,
      maxRunningRequests: scheduling.maxRunningRequests,
      disaggregation: options.kvTransfer?.info ?? null,
      kvLayout: executor.kv?.layout ?? null,
    };
    this.pool = new PagePool(pageCount);
    this.cache = new RadixCache({ pageSize, pool: this.pool });
    const maxPromptLogits = options.maxPromptLogits ?? defaultMaxPromptLogits;
    const scheduler = new Scheduler({
      scheduler: scheduling,
      cache: this.cache,
      pool: this.pool,
      pageSize,
      logprobChunkTokens: Math.floor(maxPromptLogits / vocabSize),
      hooks: {
        released: (slot) => executor.releaseSequence(slot),
        awaitsKv: (sequence) => {
          sequence.group.scheduledMs ??= now();
          this.#handOvers!.decode.fetch(sequence);
        },
        stuck: (sequence) => answers.endSequence(sequence, errorFinish(outOfPages())),
        displaced: (group) => answers.endGroup(group, errorFinish(displacedError())),
      },
      random,
    });
    this.scheduler = scheduler;
    this.#outputs = new OutputFeed(now);
    this.#events = new KvEventFeed(this.cache, now);
    this.#metrics = new MetricsRecorder(now);
    const changed = () => this.#changed();
    const answers = new Answers({
      scheduler,
      events: this.#events,
      outputs: this.#outputs,
      ended: (group, reason) => this.#ended(group, reason),
      changed,
    });
    this.#answers = answers;
    const tokens = new TokenSource(vocabSize);
    const shared = { scheduler, answers, tokens, metrics: this.#metrics, now, changed };
    const handOvers = openHandOvers(executor, options, {
      host: createHandOverHost(shared),
      now,
      maxWaiting: scheduling.maxQueuedRequests ?? Number.POSITIVE_INFINITY,
    });
    this.#handOvers = handOvers;
    const controlHost = createControlHost({
      ...shared,
      nextChange: () => this.changes.next(),
      resetCache: () => this.#resetCache(),
    });
    const controls = new EngineControls(executor, controlHost);
    this.#controls = controls;
    const poolTokens = pageCount * pageSize;
    const maxChoices = options.maxChoices ?? 128;
    this.#intake = new RequestIntake({
      ...shared,
      handOvers,
      engine: options,
      limits: { vocabSize, contextLength, poolTokens, maxChoices },
      pageSize,
      random,
    });
    const { changes } = this;
    this.#steps = new StepRunner({ ...shared, handOvers, executor, controls, changes });
  }

  /** Nothing runs, nothing waits, and no page is leased to another engine. */
  get isIdle(): boolean {
    return this.#answers.open.count === 0 && (this.#handOvers?.openCount ?? 0) === 0;
  }

  /** A step may find something to compute. */
  get hasWork(): boolean {
    return !this.#steps.isBlocked && this.#controls.mayStep && this.scheduler.hasWork;
  }

  /** Some choice of this request is open. */
  holds(requestId: string): boolean {
    return this.#answers.open.group(requestId) !== undefined;
  }

  /** Where outputs go: once per step, and when requests end between steps. The array is the receiver's. */
  onOutputs(sink: (outputs: GenerateOutput[]) => void): void {
    this.#outputs.onOutputs(sink);
  }

  /** Takes a request or throws: InvalidArgumentError, OverloadedError, UnavailableError. */
  submit(request: GenerateRequest): void {
    if (this.#closed) throw closedError();
    if (this.holds(request.requestId)) throw requestIdInUse(request.requestId);
    this.#intake.submit(request);
  }

  /** Ends a request; what holds pages while a step is computed ends after it. */
  abort(requestId: string, message = "The request was aborted."): void {
    const group = this.#answers.open.group(requestId);
    if (group !== undefined) this.#answers.abort([group], message);
  }

  abortAll(message = "The request was aborted."): void {
    this.#answers.abort(this.#answers.open.groups(), message);
  }

  /** Plans, computes and samples one step. `false` = there was nothing to do. */
  step(): Promise<boolean> {
    return this.#steps.run();
  }

  metrics(): EngineMetrics {
    const handOver = this.#handOvers?.metrics(this.scheduler.leased) ?? null;
    return this.#metrics.snapshot(this.scheduler, this.pool, this.cache, handOver);
  }

  onKvEvents(listener: (batch: KvEventBatch) => void): () => void {
    return this.#events.subscribe(listener);
  }

  /** Empties the cache; `false` when requests are running or waiting. */
  flushCache(): boolean {
    if (!this.isIdle || this.#answers.isComputing) return false;
    this.#resetCache();
    return true;
  }

  control(command: EngineCommand): Promise<EngineControlState> {
    if (this.#closed) return Promise.reject(closedError());
    return this.#controls.run(command);
  }

  /** Everything fails with this error: the engine cannot go on. */
  failAll(error: unknown): void {
    this.#answers.failAll(error);
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

  #changed(): void {
    this.#steps.isBlocked = false;
    this.changes.emit();
  }

  /** Whoever kept something for the request lets it go. */
  #ended(group: RequestGroup, reason: FinishReason): void {
    this.#intake.forget(group);
    this.#handOvers?.ended(group, reasonMessage(reason));
    this.#metrics.requestEnded(reason);
    this.changes.emit();
  }

  #resetCache(): void {
    this.cache.reset();
    this.#events.flush();
  }
}

/** `null`: the engine works alone. */
function openHandOvers(
  executor: Executor,
  { kvTransfer: transfer }: EngineOptions,
  rest: { host: HandOverHost; now: () => number; maxWaiting: number },
): HandOvers | null {
  if (transfer === undefined) return null;
  const { kv } = executor;
  if (kv === undefined) throw noKvStore(executor.info.kind);
  return new HandOvers({ transfer, kv, ...rest });
}

/** What the other engine is told of a request's end. */
function reasonMessage(reason: FinishReason): string {
  if (reason.type === "abort") return reason.message;
  return reason.type === "error" ? reason.error.message : "The request ended.";
}
