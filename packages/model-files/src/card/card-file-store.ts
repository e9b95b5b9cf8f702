// Verified files of cards, one directory per set of files, named after their checksums: the same set is never fetched twice.
import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { CardFile } from "@dyn/protocol";
import { isNotFound, toFileError } from "../files/model-file-error.ts";

export class CardFileStore {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(
    files: readonly { readonly name: string; readonly file: CardFile }[],
    cacheDirectory = defaultCacheDirectory(),
  ): Promise<CardFileStore> {
    const set = files.map(({ name, file }) => `${name} ${file.checksum}\n`).sort();
    const key = createHash("sha256").update(set.join("")).digest("hex").slice(0, 32);
    const directory = join(cacheDirectory, key);
    try {
      await mkdir(directory, { recursive: true });
    } catch (error) {
      throw toFileError(error, directory);
    }
    return new CardFileStore(directory);
  }

  /** Whole: files come under their name only when they are. */
  async has(name: string, { sizeBytes }: CardFile): Promise<boolean> {
    try {
      const { size } = await stat(join(this.directory, name));
      return sizeBytes === undefined || size === sizeBytes;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw toFileError(error, join(this.directory, name));
    }
  }

  /** `bytes` must have been verified. Several processes may do it at once. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.directory, name);
    const partial = `${path}.${randomUUID()}`;
    try {
      await writeFile(partial, bytes);
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw toFileError(error, path);
    }
  }
}

function defaultCacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME;
  return join(base ? base : join(homedir(), ".cache"), "dyn", "cards");
}
