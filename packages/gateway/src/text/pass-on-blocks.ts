// For workers that take text, and clients of an API whose answers are rows of blocks.
import type { ChatCompletionChunk, ChatCompletionRequest, CompletionUsage } from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import type { BasePipeline } from "../models/base-pipeline.ts";
import type { AnswerBlocks, AnswerEnd } from "../postprocess/answer-blocks.ts";
import type { OutputPiece } from "../postprocess/choice-delta.ts";
import type { GenerationTask } from "../routes/answer-generation.ts";
import { readChunks } from "./read-chunks.ts";

/** The chat has one choice. Resolves with what the worker counted; `null`: it did not say. */
export async function passOnBlocks(
  context: GatewayContext,
  pipeline: BasePipeline,
  chat: ChatCompletionRequest,
  task: GenerationTask,
  blocks: AnswerBlocks,
): Promise<CompletionUsage | null> {
  const begunCalls = new Set<number>();
  let end: AnswerEnd | null = null;
  let usage: CompletionUsage | null = null;
  task.observation.passedOn();
  for await (const chunk of readChunks(context, pipeline, { request: chat, body: chat }, task)) {
    usage = chunk.usage ?? usage;
    const choice = chunk.choices.find(({ index }) => index === 0);
    if (choice === undefined) continue;
    blocks.say(toPieces(choice.delta, begunCalls), choice.logprobs?.content ?? []);
    if (choice.finish_reason !== null) {
      end ??= { finishReason: choice.finish_reason, stopReason: choice.stop_reason ?? null };
    }
    if (blocks.isFull) await blocks.drained();
  }
  // All choices have their end, or reading them would have failed.
  blocks.finish(end!);
  return usage;
}

/** What one chunk says stands in the order in which models say it. */
function toPieces(
  delta: ChatCompletionChunk["choices"][number]["delta"],
  begunCalls: Set<number>,
): readonly OutputPiece[] {
  const { reasoning_content: reasoning, content, tool_calls: calls } = delta;
  const pieces: OutputPiece[] = [];
  if (reasoning) pieces.push({ kind: "reasoning", text: reasoning });
  if (content) pieces.push({ kind: "text", text: content });
  for (const { index, id, function: part } of calls ?? []) {
    const isNew = !begunCalls.has(index);
    begunCalls.add(index);
    const begin = isNew ? { id: id ?? `call_${index}`, name: part.name ?? "" } : null;
    pieces.push({ kind: "call", call: { index, begin, arguments: part.arguments } });
  }
  return pieces;
}
