import { deriveValue, type WorkerArgs } from "@dyn/args";
import { isBundledModel, modelPath } from "@dyn/tiny-models";

/** `--model-path dyn-tiny-chat` means the model that comes along, wherever it is installed. */
export function resolveBundledModel(args: WorkerArgs): WorkerArgs {
  const name = args.values.engine.modelPath;
  if (!isBundledModel(name)) return args;
  return deriveValue(args, "engine", "modelPath", modelPath(name), `the bundled model ${name}`);
}
