// Where huggingface_hub keeps a model: blobs by etag, snapshots by commit, refs by branch or tag.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isNotFound } from "../files/model-file-error.ts";

export interface CacheLayout {
  readonly root: string;
  readonly blobs: string;
  readonly locks: string;
  snapshot(commit: string): string;
  ref(revision: string): string;
}

export function createCacheLayout(cacheDir: string, id: string): CacheLayout {
  const folder = `models--${id.replaceAll("/", "--")}`;
  const root = join(cacheDir, folder);
  return {
    root,
    blobs: join(root, "blobs"),
    locks: join(cacheDir, ".locks", folder),
    snapshot: (commit) => join(root, "snapshots", commit),
    ref: (revision) => join(root, "refs", revision),
  };
}

export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** The commit that a revision meant when it was last asked for; `null` when it never was. */
export async function readCachedCommit(
  layout: CacheLayout,
  revision: string,
): Promise<string | null> {
  if (isCommit(revision)) return revision;
  try {
    const commit = (await readFile(layout.ref(revision), "utf8")).trim();
    return isCommit(commit) ? commit : null;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}
