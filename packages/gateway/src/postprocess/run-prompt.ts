// Pulls the engine's items of one prompt and hands what they show to a sink.
import { performance } from "node:perf_hooks";
import {
  DynError,
  type EngineOutputItem,
  InternalError,
  InvalidArgumentError,
  type PreprocessedRequest,
} from "@dyn/protocol";
import type { DecisionRecord, TokenClient } from "@dyn/router";
import type { TraceContext } from "@dyn/runtime";
import { incompleteStream } from "../errors/gateway-errors.ts";
import type { RequestObservation } from "../observe/request-observation.ts";
import type { AnswerExtras } from "./answer-extras.ts";
import type { ChoiceAssembler } from "./choice-assembler.ts";
import type { ChoiceDelta } from "./choice-delta.ts";
import { nameFormField } from "./name-form-field.ts";
import type { PromptUsage } from "./usage-meter.ts";

/** Where deltas go: a stream of events, or one answer in the making. */
export interface DeltaSink {
  accept(choice: ChoiceAssembler, delta: ChoiceDelta): void;
  /** The sink cannot take more now; `drained` resolves when it can, or rejects with the end of the request. */
  readonly isFull: boolean;
  drained(): Promise<void>;
}

/** Takes from the items what they say of the prompt. */
export interface PromptListener {
  observe(item: EngineOutputItem): void;
}

export interface PromptRun {
  readonly client: TokenClient;
  readonly request: PreprocessedRequest;
  readonly requestId: string;
  readonly trace: TraceContext | null;
  /** By the engine's choice index. */
  readonly choices: readonly ChoiceAssembler[];
  readonly usage: PromptUsage;
  readonly sink: DeltaSink;
  readonly signal: AbortSignal;
  readonly echo: PromptListener | null;
  readonly observation: RequestObservation;
  /** The one instance that may take it; `null`: any. */
  readonly instanceId: bigint | null;
  readonly extras: AnswerExtras | null;
  /** The request field that gives the answer its form; `null`: none does. */
  readonly formField: string | null;
  readonly onDecision?: (record: DecisionRecord) => void;
}

/**
 * Resolves when every choice has its finish reason.
 * A choice that a stop string ends is deaf from then on; when no other is left the worker's request is killed.
 */
export async function runPrompt(run: PromptRun): Promise<void> {
  try {
    await readAnswer(run);
  } catch (error) {
    throw toClientError(error, run);
  }
}

async function readAnswer(run: PromptRun): Promise<void> {
  const { choices, sink, usage } = run;
  let openCount = choices.length;
  const stream = run.client.generate(run.request, {
    signal: run.signal,
    requestId: run.requestId,
    trace: run.trace,
    ...(run.instanceId === null ? {} : { instanceId: run.instanceId }),
    onDecision: (record) => {
      run.observation.decided(record);
      run.extras?.decided(record);
      run.onDecision?.(record);
    },
    onPrefill: (decision) => run.extras?.prefilled(decision),
    onHandedOver: (seconds) => run.observation.handedOver(seconds),
    onRouted: (instance) => {
      run.observation.routed();
      run.extras?.routed(instance);
    },
  });
  for await (const { data: item } of stream) {
    if (item === undefined) continue;
    const choice = choices[item.index ?? 0];
    if (choice === undefined) {
      throw new InternalError(`A worker answered for choice ${item.index} of ${choices.length}.`);
    }
    usage.observe(item);
    run.echo?.observe(item);
    const wasFinished = choice.isFinished;
    const nowMs = performance.now();
    const delta = choice.push(item);
    run.observation.item(item, choice.index, nowMs, performance.now());
    if (delta !== null) sink.accept(choice, delta);
    if (choice.isFinished && !wasFinished) {
      openCount -= 1;
      // Leaving the loop kills the request on the worker, which would otherwise compute on unheard.
      if (openCount === 0 && choices.some(({ endedHere }) => endedHere)) return;
    }
    if (sink.isFull) await sink.drained();
  }
  if (openCount > 0) {
    run.signal.throwIfAborted();
    throw incompleteStream();
  }
}

/** What the client did wrong is said in its own words: the fields that workers name are the wire's. */
function toClientError(error: unknown, { instanceId, formField }: PromptRun): unknown {
  if (!DynError.is(error)) return error;
  if (instanceId === null || error.code !== "DYN_RUNTIME_UNKNOWN_INSTANCE") {
    return nameFormField(error, formField);
  }
  return new InvalidArgumentError(
    `nvext.backend_instance_id is ${instanceId}, and no such worker serves this model. Leave it out, or take an id from /health.`,
    { param: "nvext.backend_instance_id", cause: error },
  );
}
