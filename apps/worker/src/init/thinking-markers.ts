import type { ThinkingMarkers } from "@dyn/handlers";
import { resolveParserName } from "@dyn/parsers";
import { loadTokenizer } from "@dyn/tokenizer";

/**
 * What stands around a model's reasoning, by the parser that its card names, in the model's tokens. The tokenizer is
 * loaded when first asked for and let go. `null`: no parser, or one of a format without a fixed end.
 */
export function createThinkingMarkers(options: {
  /** A name of Dynamo's. */
  readonly reasoningParser: string | undefined;
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
  reasoningParser,
  tokenizerDirectory,
}: Parameters<typeof createThinkingMarkers>[0]): Promise<ThinkingMarkers | null> {
  if (reasoningParser === undefined) return null;
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
