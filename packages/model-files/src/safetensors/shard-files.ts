import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ModelFileError, toFileError } from "../files/model-file-error.ts";
import { isJsonObject, readOptionalJsonFile } from "../files/read-json-file.ts";

export const singleFileName = "model.safetensors";
export const indexFileName = "model.safetensors.index.json";

export interface ShardFiles {
  /** Names of .safetensors files in the directory. */
  readonly names: readonly string[];
  /** Tensor name -> shard, from the index; `null` without one. */
  readonly weightMap: ReadonlyMap<string, string> | null;
}

/**
 * Which .safetensors files make up the checkpoint of a directory:
 * those of the index, else model.safetensors, else the only one there is.
 */
export async function findShardFiles(directory: string): Promise<ShardFiles> {
  const indexFile = join(directory, indexFileName);
  const index = await readOptionalJsonFile(indexFile);
  if (index !== null) {
    const weightMap = readWeightMap(indexFile, index.weight_map);
    return { names: [...new Set(weightMap.values())].sort(), weightMap };
  }
  const names = await listDirectory(directory);
  if (names.includes(singleFileName)) return { names: [singleFileName], weightMap: null };
  const tensors = names.filter((name) => name.endsWith(".safetensors"));
  if (tensors.length === 1) return { names: tensors, weightMap: null };
  throw new ModelFileError(
    "DYN_MODEL_FILE_MISSING",
    directory,
    tensors.length > 1
      ? `has ${tensors.length} .safetensors files but no ${indexFileName}. Copy the index as well.`
      : missingWeights(names),
  );
}

function missingWeights(names: readonly string[]): string {
  const torch = names.find(
    (name) => /\.(bin|pt|pth)$/.test(name) && !/^(training|optimizer)/.test(name),
  );
  if (torch !== undefined) {
    return `has its weights as PyTorch pickles (${torch}), which can run code when they are read. Convert them to safetensors: load the model with transformers and call save_pretrained(directory, safe_serialization=True).`;
  }
  const gguf = names.find((name) => name.endsWith(".gguf"));
  if (gguf !== undefined) return `has its weights as GGUF (${gguf}); dyn reads safetensors.`;
  return `has no weights: neither ${singleFileName} nor ${indexFileName}.`;
}

function readWeightMap(indexFile: string, value: unknown): Map<string, string> {
  const invalid = (what: string) => new ModelFileError("DYN_MODEL_FILE_INVALID", indexFile, what);
  if (!isJsonObject(value)) throw invalid('field "weight_map" must be an object.');
  const map = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(value)) {
    if (typeof shard !== "string" || !/^[^/\\]+\.safetensors$/.test(shard)) {
      throw invalid(
        `field "weight_map" sends tensor "${tensor}" to ${JSON.stringify(shard)}; the name of a .safetensors file beside the index was expected.`,
      );
    }
    map.set(tensor, shard);
  }
  if (map.size === 0) throw invalid('field "weight_map" is empty.');
  return map;
}

async function listDirectory(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    throw toFileError(error, directory);
  }
}
