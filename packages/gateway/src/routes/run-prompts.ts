// Runs the prompts of one request side by side on the model's workers.
import type { PreprocessedRequest, TokenIds } from "@dyn/protocol";
import { decisionHeader } from "../http/decision-header.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ModelPipeline } from "../models/model-pipeline.ts";
import type { RequestObservation } from "../observe/request-observation.ts";
import type { AnswerExtras } from "../postprocess/answer-extras.ts";
import type { ChoiceAssembler } from "../postprocess/choice-assembler.ts";
import type { PromptListener } from "../postprocess/run-prompt.ts";
import { type DeltaSink, runPrompt } from "../postprocess/run-prompt.ts";
import type { PromptUsage } from "../postprocess/usage-meter.ts";
import type { RequestHints } from "../preprocess/request-hints.ts";

export interface PreparedPrompt {
  /** `text`: as the model reads it; `null` when the client sent ids. */
  readonly prompt: { readonly text: string | null; readonly tokenIds: TokenIds };
  readonly hints: RequestHints;
  /** The request field that gives the answer its form; `null`: none does. */
  readonly formField: string | null;
  readonly request: PreprocessedRequest;
  readonly choices: readonly ChoiceAssembler[];
  readonly usage: PromptUsage;
  /** Hears what the worker says of the prompt. */
  readonly echo: PromptListener | null;
}

/** Resolves when all are complete. The first failure ends the others and is thrown when they are over. */
export async function runPrompts(options: {
  readonly exchange: Exchange;
  readonly pipeline: ModelPipeline;
  /** UUID of the answer. */
  readonly objectId: string;
  readonly prompts: readonly PreparedPrompt[];
  readonly sink: DeltaSink;
  readonly observation: RequestObservation;
  readonly extras?: AnswerExtras | null;
}): Promise<void> {
  const { exchange, pipeline, objectId, prompts, sink, observation } = options;
  const isAlone = prompts.length === 1;
  // Nobody is there to be ended by the failure of a prompt that is alone.
  const others = isAlone ? null : new AbortController();
  const signal =
    others === null ? exchange.signal : AbortSignal.any([exchange.signal, others.signal]);
  let failure: { readonly error: unknown } | null = null;
  const runs = prompts.map(async ({ request, choices, usage, echo, hints, formField }, i) => {
    try {
      await runPrompt({
        client: pipeline.client,
        request,
        trace: observation.trace,
        requestId: isAlone ? objectId : `${objectId}-${i}`,
        choices,
        usage,
        sink,
        signal,
        observation,
        echo,
        instanceId: hints.instanceId,
        formField,
        extras: options.extras ?? null,
        ...decisionHeader(exchange),
      });
    } catch (error) {
      failure ??= { error };
      others?.abort(error);
    }
  });
  await Promise.all(runs);
  exchange.signal.throwIfAborted();
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
}
