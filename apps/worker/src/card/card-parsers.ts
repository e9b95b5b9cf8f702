// Which parsers the card names. Checked before anything is loaded: a wrong name costs a second, not a model's load.
import { ArgsError, type WorkerArgs } from "@dyn/args";
import {
  type ParserKind,
  reasoningParserNames,
  resolveParserName,
  toolCallParserNames,
} from "@dyn/parsers";
import { InvalidArgumentError, type ModelCard } from "@dyn/protocol";

type CardParsers = Pick<
  NonNullable<ModelCard["runtimeConfig"]>,
  "toolCallParser" | "reasoningParser" | "boundsThinking"
>;

/** In Dynamo's names, which frontends of both makes read. Throws ArgsError for a name that is not known. */
export function cardParsers({ values }: WorkerArgs): CardParsers {
  const { engine, worker } = values;
  const toolCallParser = cardName("tool-call", worker.dynToolCallParser, engine.toolCallParser);
  const reasoningParser = cardName("reasoning", worker.dynReasoningParser, engine.reasoningParser);
  return {
    ...(toolCallParser === undefined ? {} : { toolCallParser }),
    ...(reasoningParser === undefined ? {} : { reasoningParser }),
    ...(reasoningParser !== undefined && hasBrackets(reasoningParser)
      ? { boundsThinking: true }
      : {}),
  };
}

/** Only between fixed texts can thinking be counted and ended. */
function hasBrackets(reasoningParser: string): boolean {
  return resolveParserName("reasoning", reasoningParser, "dynamo").brackets !== undefined;
}

function cardName(
  kind: ParserKind,
  own: string | undefined,
  native: string | undefined,
): string | undefined {
  if (own !== undefined) {
    resolveFlag(kind, own, "dynamo", `--dyn-${kind}-parser`);
    return own;
  }
  if (native === undefined) return undefined;
  const flag = `--${kind}-parser`;
  const entry = resolveFlag(kind, native, "sglang", flag);
  if (entry.isDynamo !== false) return entry.name;
  throw new ArgsError(
    "INVALID_VALUE",
    `${flag} ${native} is a parser of SGLang's alone, which a model card cannot name. ${twinOf(kind, native)}to the frontend: --dyn-chat-processor sglang ${flag} ${native}.`,
    { flag },
  );
}

/** Dynamo has parsers of its own under some of SGLang's names: most who name one want that. */
function twinOf(kind: ParserKind, name: string): string {
  const names = kind === "reasoning" ? reasoningParserNames() : toolCallParserNames();
  return names.includes(name)
    ? `Say --dyn-${kind}-parser ${name} for Dynamo's parser of that name, or give SGLang's own `
    : "Give it ";
}

/** Throws ArgsError for a name that is not known. */
export function resolveFlag(
  kind: ParserKind,
  name: string,
  processor: "dynamo" | "sglang",
  flag: string,
) {
  try {
    return resolveParserName(kind, name, processor);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new ArgsError("INVALID_VALUE", `${flag}: ${error.message}`, { flag });
  }
}
