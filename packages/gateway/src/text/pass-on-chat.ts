// For workers that take text: the client's chat goes to the worker, the worker's chunks to the client.
import type { ChatCompletionChunk, ChatCompletionRequest } from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import { sendJson } from "../http/send-json.ts";
import { commentFrame, doneEvent } from "../http/sse-events.ts";
import type { BasePipeline } from "../models/base-pipeline.ts";
import { type GenerationTask, keepStreamAlive } from "../routes/answer-generation.ts";
import { ChatFold } from "./fold-chat-chunks.ts";
import { readChunks } from "./read-chunks.ts";

/** `body`: what the client sent, which `request` is checked from. */
export async function passOnChat(
  context: GatewayContext,
  pipeline: BasePipeline,
  { request, body }: { readonly request: ChatCompletionRequest; readonly body: object },
  task: GenerationTask,
): Promise<void> {
  const { exchange, writer } = task;
  const { settings } = context;
  const isStream = request.stream === true;
  const showsUsage = settings.forceIncludeUsage || request.stream_options?.include_usage === true;
  const fold = new ChatFold(settings.reasoningField);
  if (isStream) keepStreamAlive(context, writer, commentFrame);
  task.observation.passedOn();
  for await (const chunk of readChunks(context, pipeline, { request, body }, task)) {
    const shown = withReasoningField(chunk, settings.reasoningField);
    if (!isStream) fold.add(shown);
    else if (shown.choices.length > 0 || showsUsage) {
      writer.write(`data: ${JSON.stringify(shown)}\n\n`);
      if (writer.isFull) await writer.drained();
    }
  }
  if (isStream) writer.end(doneEvent);
  else sendJson(exchange.response, 200, fold.whole());
}

/** Workers write `reasoning_content`. */
function withReasoningField(
  chunk: ChatCompletionChunk,
  field: "reasoning_content" | "reasoning",
): ChatCompletionChunk {
  if (field === "reasoning_content") return chunk;
  return {
    ...chunk,
    choices: chunk.choices.map((choice) => {
      const { reasoning_content: text, ...delta } = choice.delta;
      return text == null ? choice : { ...choice, delta: { ...delta, reasoning: text } };
    }),
  };
}
