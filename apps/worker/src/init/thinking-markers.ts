import type { ThinkingMarkers } from "@dyn/handlers";
import { resolveParserName } from "@dyn/parsers";
import type { ModelCard } from "@dyn/protocol";
import { loadTokenizer } from "@dyn/tokenizer";

/**
 * What stands around a model's reasoning, by the parser that its card names, in the model's tokens. The tokenizer is
 * loaded when first asked for and let go. `null`: no parser, or one of a format without a fixed end.
 */
export function createThinkingMarkers(options: {
  readonly card: ModelCard;
  readonly tokenizerDirectory: string;
}): () => Promise<ThinkingMarkers | null> {
  let found: Promise<ThinkingMarkers | null> | null = null;
  return () => {
    found ??= findMarkers(options).catch((error: unknown) => {
      found = null;
      throw error;
    });
    return found;
  };
}

async function findMarkers({
  card,
  tokenizerDirectory,
}: Parameters<typeof createThinkingMarkers>[0]): Promise<ThinkingMarkers | null> {
  // A name of Dynamo's.
  const reasoningParser = card.runtimeConfig?.reasoningParser ?? null;
  if (reasoningParser === null) return null;
  const { brackets, startsInside } = resolveParserName("reasoning", reasoningParser, "dynamo");
  if (brackets === undefined) return null;
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  const idsOf = (text: string) => Array.from(tokenizer.encode(text));
  return {
    openIds: idsOf(brackets.opener),
    closeIds: idsOf(brackets.closer),
    enderIds: brackets.enders.map(idsOf),
    startsInside,
  };
}
