// A conversation about to be answered by either kind of worker, for the APIs whose answers are rows of blocks.
import type { ChatCompletionRequest, CompletionUsage } from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { BasePipeline } from "../models/base-pipeline.ts";
import { ModelPipeline } from "../models/model-pipeline.ts";
import { AnswerBlocks, type BlockListener } from "../postprocess/answer-blocks.ts";
import { sumUsage } from "../postprocess/usage-meter.ts";
import { prepareChat } from "../preprocess/prepare-chat.ts";
import { passOnBlocks } from "../text/pass-on-blocks.ts";
import type { GenerationTask } from "./answer-generation.ts";
import { runPrompts } from "./run-prompts.ts";

export interface AnswerSource {
  /** Tokens so far; `null`: the worker counts them, and has not said. */
  usage(): CompletionUsage | null;
  /** Resolves with the whole answer; the listener, which writes to the task's writer, hears of it as it comes. */
  run(listener?: BlockListener): Promise<AnswerBlocks>;
}

/** Throws what is wrong with the conversation. */
export async function openAnswer(
  context: GatewayContext,
  pipeline: BasePipeline,
  chat: ChatCompletionRequest,
  task: GenerationTask,
): Promise<AnswerSource> {
  const pipe = task.writer;
  if (!(pipeline instanceof ModelPipeline)) {
    let usage: CompletionUsage | null = null;
    return {
      usage: () => usage,
      run: async (listener) => {
        const blocks = new AnswerBlocks(listener === undefined ? {} : { listener, pipe });
        usage = await passOnBlocks(context, pipeline, chat, task, blocks);
        return blocks;
      },
    };
  }
  const { exchange, observation } = task;
  const prompt = await prepareChat(context, pipeline, chat, task);
  const { names } = pipeline;
  const logprobs =
    chat.logprobs === true ? { names, asIds: false, topCount: chat.top_logprobs ?? 0 } : null;
  const objectId = objectIdOf(exchange.request);
  return {
    usage: () => sumUsage([prompt.usage], prompt.choices),
    run: async (listener) => {
      const told = listener === undefined ? {} : { listener, pipe };
      const sink = new AnswerBlocks({ ...told, logprobs });
      await runPrompts({ exchange, pipeline, objectId, prompts: [prompt], observation, sink });
      return sink;
    },
  };
}
