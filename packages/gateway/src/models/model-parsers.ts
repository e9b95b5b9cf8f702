import { type ParserKind, resolveParserName } from "@dyn/parsers";
import { InvalidArgumentError, type ModelCard } from "@dyn/protocol";
import type { ModelParsers } from "../postprocess/output-reading.ts";

/** What the operator chose, else what the card names. Throws when the card's has no counterpart for the processor. */
export function modelParsers(card: ModelCard, chosen: ModelParsers | undefined): ModelParsers {
  const processor = chosen?.processor ?? "dynamo";
  const { toolCallParser = null, reasoningParser = null } = card.runtimeConfig ?? {};
  return {
    processor,
    toolCalls: chosen?.toolCalls ?? cardName("tool-call", toolCallParser, processor),
    reasoning: chosen?.reasoning ?? cardName("reasoning", reasoningParser, processor),
  };
}

/** Cards speak Dynamo's names. */
function cardName(
  kind: ParserKind,
  name: string | null,
  processor: ModelParsers["processor"],
): string | null {
  if (name === null || processor === "dynamo") return name;
  const counterpart = resolveParserName(kind, name).sglang?.[0];
  if (counterpart !== undefined) return counterpart;
  throw new InvalidArgumentError(
    `SGLang has no ${kind} parser for ${name}, which the card names. Choose one by --${kind}-parser, or serve with --dyn-chat-processor dynamo.`,
    { code: "DYN_PARSER_UNKNOWN" },
  );
}
