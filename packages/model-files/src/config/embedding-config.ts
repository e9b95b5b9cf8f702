// How a model directory says that vectors are made of its hidden states: sentence-transformers' modules.json and
// the configuration of its pooling.
import { join } from "node:path";
import { ModelFileError } from "../files/model-file-error.ts";
import {
  readJsonFile,
  readOptionalJsonFile,
  readOptionalJsonList,
} from "../files/read-json-file.ts";
import { ConfigFields, show } from "./config-fields.ts";

export const poolingModes = [
  "cls",
  "max",
  "mean",
  "mean_sqrt_len_tokens",
  "weightedmean",
  "lasttoken",
] as const;

/** In sentence-transformers' names. `cls`: the first token; `weightedmean`: token i counts i times. */
export type PoolingMode = (typeof poolingModes)[number];

export interface EmbeddingConfig {
  readonly pooling: PoolingMode;
  /** To unit length. */
  readonly normalize: boolean;
  /** Tokens of a text that the model's makers allow; `null`: they do not say. */
  readonly maxTokens: number | null;
  /** `false`: the directory says nothing, and this is what SGLang does with decoders: last token, unit length. */
  readonly isDeclared: boolean;
}

const undeclared = { pooling: "lasttoken", normalize: true, isDeclared: false } as const;

/** Throws ModelFileError when the files are damaged, or ask for what dyn does not compute. */
export async function loadEmbeddingConfig(directory: string): Promise<EmbeddingConfig> {
  const file = join(directory, "modules.json");
  const modules = await readOptionalJsonList(file);
  const maxTokens = await readMaxTokens(directory);
  if (modules === null) return { ...undeclared, maxTokens };
  const fields = modules.map((module, i) => new ConfigFields(file, module, `[${i}].`));
  const kinds = fields.map((module) => kindOf(module));
  const order = kinds.join(", ");
  if (!["Transformer, Pooling", "Transformer, Pooling, Normalize"].includes(order)) {
    throw new ModelFileError(
      "DYN_MODEL_UNSUPPORTED",
      file,
      `lists the modules ${order || "(none)"}; dyn computes Transformer, Pooling and after them at most Normalize.`,
    );
  }
  const pooling = await readPooling(directory, fields[1]!);
  return { pooling, normalize: kinds.length === 3, maxTokens, isDeclared: true };
}

/** `sentence_transformers.models.Pooling` and what later releases call it. */
function kindOf(module: ConfigFields): string {
  const type = module.text("type");
  if (type === undefined) throw module.invalid("type", "is missing; it names the module's class.");
  return type.slice(type.lastIndexOf(".") + 1);
}

async function readPooling(directory: string, module: ConfigFields): Promise<PoolingMode> {
  const file = join(directory, module.text("path") ?? "", "config.json");
  const fields = new ConfigFields(file, await readJsonFile(file));
  const field = fields.has("pooling_mode") ? "pooling_mode" : "pooling_mode_*";
  const value = fields.value("pooling_mode") ?? legacyModes(fields);
  const modes = Array.isArray(value) ? value : [value];
  const [mode] = modes;
  if (modes.length !== 1 || !isPoolingMode(mode)) {
    throw fields.unsupported(
      field,
      `is ${show(value)}; dyn computes one of ${poolingModes.join(", ")}.`,
    );
  }
  return mode;
}

/** Releases before 6 wrote a flag for each mode; none of them means the mean. */
function legacyModes(fields: ConfigFields): string[] {
  const flags: Readonly<Record<string, PoolingMode>> = {
    pooling_mode_cls_token: "cls",
    pooling_mode_max_tokens: "max",
    pooling_mode_mean_tokens: "mean",
    pooling_mode_mean_sqrt_len_tokens: "mean_sqrt_len_tokens",
    pooling_mode_weightedmean_tokens: "weightedmean",
    pooling_mode_lasttoken: "lasttoken",
  };
  const on = Object.entries(flags).flatMap(([flag, mode]) =>
    fields.flag(flag, false) ? mode : [],
  );
  return on.length === 0 ? ["mean"] : on;
}

function isPoolingMode(value: unknown): value is PoolingMode {
  return (poolingModes as readonly unknown[]).includes(value);
}

async function readMaxTokens(directory: string): Promise<number | null> {
  const file = join(directory, "sentence_bert_config.json");
  const fields = new ConfigFields(file, (await readOptionalJsonFile(file)) ?? {});
  return fields.has("max_seq_length") ? fields.count("max_seq_length") : null;
}
