// With --use-sglang-tokenizer: the same worker, asked in chats.
import type { WorkerArgs } from "@dyn/args";
import type { EngineOutputItem, ModelCard } from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import { textParsers } from "../card/text-parsers.ts";

export interface WorkerHandler {
  readonly handler: RequestHandler<unknown, unknown>;
  close(): Promise<void>;
}

/** Over the handler of token ids; loaded only where it is wanted. */
export async function createTextHandler(
  args: WorkerArgs,
  card: ModelCard,
  tokens: RequestHandler<unknown, EngineOutputItem>,
): Promise<WorkerHandler> {
  const { createTextChatHandler, loadTextChatModel } = await import("@dyn/gateway/chat");
  const model = await loadTextChatModel(card, textParsers(args));
  const { excludeToolsWhenToolChoiceNone } = args.values.worker;
  return {
    handler: createTextChatHandler({ model, tokens, excludeToolsWhenToolChoiceNone }),
    close: () => model.close(),
  };
}
