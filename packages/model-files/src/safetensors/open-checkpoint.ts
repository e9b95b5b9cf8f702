// All tensors of a model directory as views. Holds names, shapes and offsets; never file content.
import { type FileHandle, open, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { isNotFound, ModelFileError, toFileError } from "../files/model-file-error.ts";
import { readSafetensorsHeader } from "./read-header.ts";
import { findShardFiles, indexFileName } from "./shard-files.ts";
import type { Checkpoint, TensorView } from "./tensor-view.ts";

/** libuv reads at most 2^31 - 1 bytes at once. */
const maxReadBytes = 1 << 30;

/** Reads headers only. Throws ModelFileError, which names the file, for what is missing, damaged or there twice. */
export async function openCheckpoint(directory: string): Promise<Checkpoint> {
  const { names, weightMap } = await findShardFiles(directory);
  const tensors = new Map<string, TensorView>();
  for (const name of names) {
    for (const view of await readSafetensorsHeader(
      await resolveShard(directory, name, weightMap),
    )) {
      const other = tensors.get(view.name);
      if (other !== undefined) {
        throw new ModelFileError(
          "DYN_MODEL_FILE_INVALID",
          view.file,
          `tensor "${view.name}" is also in ${other.file}.`,
        );
      }
      if (weightMap !== null && weightMap.get(view.name) !== name) {
        const said = weightMap.get(view.name);
        throw new ModelFileError(
          "DYN_MODEL_FILE_INVALID",
          join(directory, indexFileName),
          said === undefined
            ? `does not list tensor "${view.name}", which is in ${name}.`
            : `says tensor "${view.name}" is in ${said}, but it is in ${name}.`,
        );
      }
      tensors.set(view.name, view);
    }
  }
  for (const [tensor, shard] of weightMap ?? []) {
    if (!tensors.has(tensor)) {
      throw new ModelFileError(
        "DYN_MODEL_FILE_INVALID",
        join(directory, shard),
        `has no tensor "${tensor}", although ${indexFileName} says so.`,
      );
    }
  }
  return new DirectoryCheckpoint(directory, names, tensors);
}

async function resolveShard(
  directory: string,
  name: string,
  weightMap: ReadonlyMap<string, string> | null,
): Promise<string> {
  const path = join(directory, name);
  try {
    return await realpath(path);
  } catch (error) {
    if (weightMap === null || !isNotFound(error)) throw toFileError(error, path);
    const shards = [...new Set(weightMap.values())].sort();
    throw new ModelFileError(
      "DYN_MODEL_FILE_MISSING",
      path,
      `is missing: shard ${shards.indexOf(name) + 1} of ${shards.length} that ${indexFileName} names.`,
      { cause: error },
    );
  }
}

class DirectoryCheckpoint implements Checkpoint {
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly totalBytes: number;
  readonly #directory: string;
  readonly #files: readonly string[];

  constructor(
    directory: string,
    files: readonly string[],
    tensors: ReadonlyMap<string, TensorView>,
  ) {
    this.tensors = tensors;
    this.totalBytes = [...tensors.values()].reduce((sum, view) => sum + view.sizeBytes, 0);
    this.#directory = directory;
    this.#files = files;
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  get(name: string): TensorView {
    const view = this.tensors.get(name);
    if (view === undefined) {
      const files =
        this.#files.length > 3
          ? `${this.#files[0]} ... ${this.#files.at(-1)} (${this.#files.length} files)`
          : this.#files.join(", ");
      throw new ModelFileError(
        "DYN_MODEL_FILE_INVALID",
        this.#directory,
        `the checkpoint (${files}) has no tensor "${name}".`,
      );
    }
    return view;
  }

  async read(name: string): Promise<Uint8Array> {
    const view = this.get(name);
    const bytes = new Uint8Array(view.sizeBytes);
    let handle: FileHandle | undefined;
    try {
      handle = await open(view.file, "r");
      let done = 0;
      while (done < bytes.length) {
        const length = Math.min(bytes.length - done, maxReadBytes);
        const { bytesRead } = await handle.read(bytes, done, length, view.offsetBytes + done);
        if (bytesRead === 0) {
          throw new ModelFileError(
            "DYN_MODEL_FILE_INVALID",
            view.file,
            `ended at byte ${view.offsetBytes + done} inside tensor "${name}"; ${basename(view.file)} changed after it was opened.`,
          );
        }
        done += bytesRead;
      }
      return bytes;
    } catch (error) {
      throw toFileError(error, view.file);
    } finally {
      await handle?.close();
    }
  }
}
