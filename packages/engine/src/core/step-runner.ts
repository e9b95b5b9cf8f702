// One step in its order: plan, compute, sample, say. Whatever fails on the way ends the choices it concerns, no others.
import { InternalError } from "@dyn/protocol";
import type { GenerateOutput } from "../contract/engine-output.ts";
import type { Executor, ForwardBatch, StepResult } from "../contract/executor.ts";
import type { EngineControls } from "../control/engine-controls.ts";
import { StepProfile } from "../control/step-profile.ts";
import type { HandOvers } from "../handover/hand-overs.ts";
import { BatchBuilder } from "../scheduler/batch-builder.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { StepPlan } from "../scheduler/step-plan.ts";
import type { Answers } from "./answers.ts";
import type { ChangeSignal } from "./change-signal.ts";
import type { Choice } from "./choice.ts";
import { errorFinish } from "./error-finish.ts";
import { readLogitRows, wantsNext } from "./logit-rows.ts";
import type { MetricsRecorder } from "./metrics-recorder.ts";
import type { OpenRequests } from "./open-requests.ts";
import { promptPositions } from "./prompt-logprobs.ts";
import type { TokenSource } from "./token-source.ts";

export interface StepRunnerOptions {
  readonly executor: Executor;
  readonly scheduler: Scheduler;
  readonly controls: EngineControls;
  readonly answers: Answers;
  readonly tokens: TokenSource;
  readonly handOvers: HandOvers | null;
  readonly metrics: MetricsRecorder;
  readonly changes: ChangeSignal;
  readonly now: () => number;
}

export class StepRunner {
  /** What could be planned waits for pages or KV that another engine's doing brings. */
  isBlocked = false;
  readonly #executor: Executor;
  readonly #scheduler: Scheduler;
  readonly #controls: EngineControls;
  readonly #answers: Answers;
  readonly #open: OpenRequests;
  readonly #tokens: TokenSource;
  readonly #handOvers: HandOvers | null;
  readonly #metrics: MetricsRecorder;
  readonly #changes: ChangeSignal;
  readonly #now: () => number;
  /** One each, so that a prefill between two decodes does not cost the decode table's rows. */
  readonly #prefillBatch = new BatchBuilder();
  readonly #decodeBatch = new BatchBuilder();

  constructor(options: StepRunnerOptions) {
    this.#executor = options.executor;
    this.#scheduler = options.scheduler;
    this.#controls = options.controls;
    this.#answers = options.answers;
    this.#open = options.answers.open;
    this.#tokens = options.tokens;
    this.#handOvers = options.handOvers;
    this.#metrics = options.metrics;
    this.#changes = options.changes;
    this.#now = options.now;
  }

  /** `false` = there was nothing to do. */
  async run(): Promise<boolean> {
    const controls = this.#controls;
    if (this.#answers.isComputing) throw new InternalError("Steps of an engine must not overlap.");
    if (!controls.mayStep) return false;
    const planUs = controls.profile === null ? 0 : StepProfile.nowUs();
    const plan = this.#scheduler.plan();
    if (plan === null) {
      this.#checkBlocked();
      this.#metrics.idle();
      this.#answers.flush();
      return false;
    }
    this.#answers.isComputing = true;
    if (plan.kind === "prefill") this.#stampScheduled(plan);
    const batch = this.#build(plan);
    const startUs = planUs === 0 ? 0 : StepProfile.nowUs();
    let result: StepResult;
    try {
      result = await this.#executor.step(batch);
    } catch (error) {
      this.#fail(plan, error);
      this.#changes.emit();
      return true;
    }
    const computedUs = planUs === 0 ? 0 : StepProfile.nowUs();
    this.#finish(plan, batch, result);
    if (planUs !== 0) {
      const { kind, rowCount: rows, tokenIds } = batch;
      const endUs = StepProfile.nowUs();
      const tokens = tokenIds.length;
      controls.profile?.add({ kind, rows, tokens, planUs, startUs, computedUs, endUs });
    }
    this.#changes.emit();
    return true;
  }

  /** Nothing was planned: either nothing is there, or others have to do something first. */
  #checkBlocked(): void {
    const scheduler = this.#scheduler;
    if (scheduler.isIdle) return;
    if (!scheduler.awaitsOthers && !scheduler.isHeld) {
      throw new InternalError("The scheduler found nothing to do.");
    }
    this.isBlocked = true;
  }

  #stampScheduled({ sequences }: StepPlan): void {
    for (const { group } of sequences) group.scheduledMs ??= this.#now();
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

  #finish(plan: StepPlan, batch: ForwardBatch, result: StepResult): void {
    const answers = this.#answers;
    const rows = readLogitRows(plan, batch, result, this.#executor.info.vocabSize);
    this.#scheduler.complete(plan);
    answers.isComputing = false;
    let sampled = 0;
    for (const [i, sequence] of plan.sequences.entries()) {
      const at = rows[i]!;
      this.#metrics.advanced(sequence);
      if (answers.isEnding(sequence)) continue;
      if (sequence.isLeased) this.#handOvers!.prefill.advanced(sequence);
      const choice = this.#open.choice(sequence)!;
      if (at >= 0) {
        this.#advance(choice, result, at);
        sampled++;
      } else if (sequence.state === "running") {
        if (choice.isPrefillHalf) this.#keepFirstToken(choice, null, null);
        else answers.end(choice, { type: "length" });
      }
    }
    answers.endDelayed();
    this.#metrics.step(plan.kind, sampled);
    answers.flush();
  }

  /** Samples one token and says it. A choice whose sampling fails ends alone. */
  #advance(choice: Choice, result: StepResult, at: number): void {
    try {
      const { tokenId, logprobs } = this.#tokens.take(choice, result, at);
      if (choice.isPrefillHalf) this.#keepFirstToken(choice, tokenId, logprobs);
      else this.#answers.say(choice, tokenId, logprobs);
    } catch (error) {
      this.#answers.end(choice, errorFinish(error));
    }
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

  #fail(plan: StepPlan, error: unknown): void {
    this.#scheduler.cancel(plan);
    this.#answers.isComputing = false;
    this.#answers.endDelayed();
    for (const sequence of plan.sequences) this.#answers.endSequence(sequence, errorFinish(error));
    this.#answers.flush();
  }
}
