// A model of the hub as a snapshot directory in the standard cache.
import { mkdir, readdir, rename, rm, stat, statfs, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { findShardFiles, indexFileName } from "../safetensors/shard-files.ts";
import { type CacheLayout, isCommit } from "./cache-layout.ts";
import { downloadBlob } from "./download-blob.ts";
import type { HubClient, RepositoryListing } from "./hub-client.ts";
import { diskError, HubError } from "./hub-error.ts";
import { checkRepository, isFile, selectSingleFile, selectSmallFiles } from "./needed-files.ts";
import { formatBytes } from "./terminal-progress.ts";

const parallelFiles = 4;

export interface DownloadedModel {
  readonly path: string;
  readonly commit: string;
  /** Files that were not in the cache. */
  readonly downloadedCount: number;
}

export async function downloadModel(
  client: HubClient,
  layout: CacheLayout,
  id: string,
  revision: string,
): Promise<DownloadedModel> {
  const listing = await client.list();
  const names = listing.files.map((file) => file.name);
  checkRepository(id, names);
  const { commit } = listing;
  const snapshot = layout.snapshot(commit);
  const bring = async (files: readonly string[]) => {
    const absent = await filterAbsent(snapshot, files);
    await checkFreeSpace(layout, listing, absent);
    await inParallel(absent, async (file) => {
      const etag = await downloadBlob({ client, layout, id, commit, file });
      await linkFile(layout, snapshot, file, etag);
    });
    return absent.length;
  };
  let downloadedCount = await bring(selectSmallFiles(names));
  downloadedCount += await bring(
    names.includes(indexFileName)
      ? checkShards(id, names, (await findShardFiles(snapshot)).names)
      : selectSingleFile(names),
  );
  if (!isCommit(revision)) await writeRef(layout.ref(revision), commit);
  return { path: snapshot, commit, downloadedCount };
}

function checkShards(id: string, names: readonly string[], shards: readonly string[]) {
  const missing = shards.find((shard) => !names.includes(shard));
  if (missing === undefined) return shards;
  throw new HubError(
    "DYN_HUB_NOT_FOUND",
    `${id} names ${missing} in ${indexFileName} but does not have that file.`,
  );
}

async function filterAbsent(snapshot: string, files: readonly string[]): Promise<string[]> {
  const present = await Promise.all(files.map((file) => isFile(join(snapshot, file))));
  return files.filter((_, index) => present[index] !== true);
}

async function checkFreeSpace(
  layout: CacheLayout,
  listing: RepositoryListing,
  files: readonly string[],
): Promise<void> {
  if (files.length === 0) return;
  try {
    await mkdir(layout.blobs, { recursive: true });
    const { bavail, bsize } = await statfs(layout.blobs);
    const sizes = listing.files.filter((file) => files.includes(file.name));
    const total = sizes.reduce((sum, file) => sum + (file.sizeBytes ?? 0), 0);
    const needed = total - (await sumPartials(layout.blobs));
    if (needed <= bavail * bsize) return;
    throw new HubError(
      "DYN_HUB_DISK",
      `${layout.root}: the model needs ${formatBytes(needed)}, the disk has ${formatBytes(bavail * bsize)} left. Free some space, or set HF_HOME to a larger disk.`,
    );
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw diskError(error, layout.blobs);
  }
}

/** Bytes that earlier tries left. */
async function sumPartials(blobs: string): Promise<number> {
  const partials = (await readdir(blobs)).filter((name) => name.endsWith(".incomplete"));
  const sizes = await Promise.all(
    partials.map(async (name) => (await stat(join(blobs, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The first failure stops the others from beginning new files. */
async function inParallel(
  files: readonly string[],
  work: (file: string) => Promise<void>,
): Promise<void> {
  const waiting = [...files];
  const drain = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      try {
        await work(file);
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: parallelFiles }, drain));
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

async function linkFile(
  layout: CacheLayout,
  snapshot: string,
  file: string,
  etag: string,
): Promise<void> {
  const link = join(snapshot, file);
  try {
    await mkdir(dirname(link), { recursive: true });
    const fresh = `${link}.${process.pid}.link`;
    await rm(fresh, { force: true });
    await symlink(relative(dirname(link), join(layout.blobs, etag)), fresh);
    await rename(fresh, link);
  } catch (error) {
    throw diskError(error, link);
  }
}

async function writeRef(path: string, commit: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const fresh = `${path}.${process.pid}.new`;
    await writeFile(fresh, commit);
    await rename(fresh, path);
  } catch (error) {
    throw diskError(error, path);
  }
}
