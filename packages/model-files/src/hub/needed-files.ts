// Which files of a repository dyn needs. Only these are downloaded.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { isNotFound } from "../files/model-file-error.ts";
import { findShardFiles, indexFileName, singleFileName } from "../safetensors/shard-files.ts";
import { HubError } from "./hub-error.ts";

const alwaysNeeded =
  /^(?:config\.json|generation_config\.json|special_tokens_map\.json|modules\.json|config_sentence_transformers\.json|sentence_bert_config\.json|\d+_[A-Za-z]+\/config\.json|tokenizer[^/]*|chat_template[^/]*|additional_chat_templates\/[^/]+\.jinja)$/;

/** Config, tokenizer and template files, those of sentence-transformers, the index of a sharded checkpoint included. */
export function selectSmallFiles(names: readonly string[]): string[] {
  return names.filter((name) => alwaysNeeded.test(name) || name === indexFileName);
}

/** The weights of an unsharded repository. Those of a sharded one are named by its index. */
export function selectSingleFile(names: readonly string[]): string[] {
  if (names.includes(indexFileName)) return [];
  if (names.includes(singleFileName)) return [singleFileName];
  return names.filter((name) => /^[^/]+\.safetensors$/.test(name));
}

/** Throws when the repository holds no model that dyn can read. */
export function checkRepository(id: string, names: readonly string[]): void {
  if (!names.includes("config.json")) {
    throw new HubError(
      "DYN_HUB_NOT_FOUND",
      `${id} has no config.json: it is not a model in the layout of transformers.`,
    );
  }
  if (names.includes(indexFileName) || selectSingleFile(names).length > 0) return;
  const pickle = names.find((name) => /\.(?:bin|pt|pth)$/.test(name));
  const gguf = names.find((name) => name.endsWith(".gguf"));
  const what =
    pickle !== undefined
      ? `has its weights as PyTorch pickles only (${pickle}), which can run code when they are read. Convert to safetensors: load the model with transformers and call save_pretrained(directory, safe_serialization=True), then pass that directory.`
      : gguf !== undefined
        ? `has its weights as GGUF only (${gguf}); dyn reads safetensors. Use the original repository of the model.`
        : "has no weights: no .safetensors file is in it.";
  throw new HubError("DYN_HUB_NOT_FOUND", `${id} ${what}`);
}

/** Names of files that a snapshot needs and does not have (a broken link is not there). */
export async function findMissingFiles(snapshot: string): Promise<string[]> {
  const missing: string[] = [];
  if (!(await isFile(join(snapshot, "config.json")))) missing.push("config.json");
  let weights: readonly string[];
  try {
    weights = (await findShardFiles(snapshot)).names;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "DYN_MODEL_FILE_MISSING")) {
      throw error;
    }
    weights = [singleFileName];
  }
  for (const name of weights) {
    if (!(await isFile(join(snapshot, name)))) missing.push(name);
  }
  return missing;
}

export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
