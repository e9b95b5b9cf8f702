import { deriveValue, isGiven, type WorkerArgs } from "@dyn/args";
import { isBundledModel, modelPath } from "@dyn/tiny-models";

/** Room for eight whole contexts: a small model should not take gigabytes because they are free. */
const bundledTotalTokens = 32_768;

/** It writes calls and thinking as Qwen3 does. */
const bundledParsers = [
  ["dynToolCallParser", "hermes", "toolCallParser"],
  ["dynReasoningParser", "qwen3", "reasoningParser"],
] as const;

/** `--model-path dyn-tiny-chat` means the model that comes along, wherever it is installed; `dyn-tiny-embed` too. */
export function resolveBundledModel(args: WorkerArgs): WorkerArgs {
  const name = args.values.engine.modelPath;
  if (!isBundledModel(name)) return args;
  const why = `the bundled model ${name}`;
  let found = deriveValue(args, "engine", "modelPath", modelPath(name), why);
  if (name !== "dyn-tiny-chat") return found;
  for (const [field, parser, native] of bundledParsers) {
    if (isGiven(args, "worker", field) || isGiven(args, "engine", native)) continue;
    found = deriveValue(found, "worker", field, parser, why);
  }
  if (isGiven(args, "engine", "maxTotalTokens") || isGiven(args, "engine", "memFractionStatic")) {
    return found;
  }
  return deriveValue(found, "engine", "maxTotalTokens", bundledTotalTokens, why);
}
