import type { WorkerArgs } from "@dyn/args";
import type { ModelParsers } from "@dyn/gateway/chat";
import type { ParserKind } from "@dyn/parsers";
import { cardParsers, resolveFlag } from "./card-parsers.ts";

/** Which parsers a worker of text reads its own answers with: SGLang's by their own names, unless Dynamo's are given. Throws ArgsError for a name that is not known. */
export function textParsers(args: WorkerArgs): ModelParsers {
  const { engine, worker } = args.values;
  if (worker.dynToolCallParser === undefined && worker.dynReasoningParser === undefined) {
    checkNative("tool-call", engine.toolCallParser);
    checkNative("reasoning", engine.reasoningParser);
    return {
      processor: "sglang",
      toolCalls: engine.toolCallParser ?? null,
      reasoning: engine.reasoningParser ?? null,
    };
  }
  const { toolCallParser = null, reasoningParser = null } = cardParsers(args);
  return { processor: "dynamo", toolCalls: toolCallParser, reasoning: reasoningParser };
}

function checkNative(kind: ParserKind, name: string | undefined): void {
  if (name !== undefined) resolveFlag(kind, name, "sglang", `--${kind}-parser`);
}
