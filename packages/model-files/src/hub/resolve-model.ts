// `--model-path`: a directory is taken as it is, everything else is a hub id.
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { isNotFound, ModelFileError } from "../files/model-file-error.ts";
import { createCacheLayout, isCommit, readCachedCommit } from "./cache-layout.ts";
import { downloadModel } from "./download-model.ts";
import type { DownloadListener } from "./download-progress.ts";
import { HubClient } from "./hub-client.ts";
import { HubError } from "./hub-error.ts";
import { checkHubId, checkRevision } from "./hub-id.ts";
import { expandHome, readHubSettings } from "./hub-settings.ts";
import { findMissingFiles } from "./needed-files.ts";
import { type RetryTimers, systemTimers } from "./retry-schedule.ts";
import { createTerminalProgress } from "./terminal-progress.ts";

export interface ModelDirectory {
  /** Absolute. */
  readonly path: string;
  /** `directory`: as given; `hub-cache`: nothing was downloaded; `hub-download`: at least one file was. */
  readonly source: "directory" | "hub-cache" | "hub-download";
  /** Of the hub. */
  readonly id?: string;
  /** The commit. */
  readonly revision?: string;
}

export interface ResolveModelOptions {
  /** Branch, tag or commit. Default "main". */
  readonly revision?: string | undefined;
  /** Default process.env: HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: a bar on stderr when it is a terminal, else a line per file. `null` is silent. */
  readonly progress?: DownloadListener | null;
  readonly signal?: AbortSignal | undefined;
  /** A connection without a byte for so long counts as broken. Default 30 s. */
  readonly stallTimeoutMs?: number;
  readonly timers?: RetryTimers;
}

/** Throws HubError (`DYN_HUB_*`) or, for a path that is no directory, ModelFileError. */
export async function resolveModel(
  pathOrId: string,
  options: ResolveModelOptions = {},
): Promise<ModelDirectory> {
  if (pathOrId === "") checkHubId(pathOrId);
  const path = resolve(expandHome(pathOrId));
  const kind = await readKind(path);
  if (kind === "directory") return { path, source: "directory" };
  if (kind === "file" || /^(?:[./~]|[A-Za-z]:[\\/])/.test(pathOrId)) {
    throw new ModelFileError(
      "DYN_MODEL_FILE_MISSING",
      path,
      kind === "file"
        ? "is a file; the directory of the model was expected."
        : "there is no such directory.",
    );
  }
  checkHubId(pathOrId);
  return await resolveHubModel(pathOrId, options);
}

async function resolveHubModel(id: string, options: ResolveModelOptions): Promise<ModelDirectory> {
  const revision = options.revision ?? "main";
  checkRevision(revision);
  const settings = await readHubSettings(options.env ?? process.env);
  const layout = createCacheLayout(settings.cacheDir, id);
  if (settings.offline || isCommit(revision)) {
    const commit = await readCachedCommit(layout, revision);
    const missing = commit === null ? null : await findMissingFiles(layout.snapshot(commit));
    if (commit !== null && missing?.length === 0) {
      return { path: layout.snapshot(commit), id, revision: commit, source: "hub-cache" };
    }
    if (settings.offline) {
      throw new HubError(
        "DYN_HUB_OFFLINE",
        commit === null
          ? `${id}: HF_HUB_OFFLINE is set and ${layout.root} has no revision "${revision}". Unset it to download the model.`
          : `${id}: HF_HUB_OFFLINE is set and ${layout.snapshot(commit)} lacks ${missing?.join(", ")}. Unset it to download what is missing.`,
      );
    }
  }
  const client = new HubClient(settings, id, revision, {
    timers: options.timers ?? systemTimers,
    listener: toListener(options.progress),
    signal: options.signal,
    stallTimeoutMs: options.stallTimeoutMs ?? 30_000,
  });
  const model = await downloadModel(client, layout, id, revision);
  const source = model.downloadedCount === 0 ? "hub-cache" : "hub-download";
  return { path: model.path, id, revision: model.commit, source };
}

function toListener(progress: ResolveModelOptions["progress"]): DownloadListener {
  if (progress === null) return () => {};
  return progress ?? createTerminalProgress(process.stderr);
}

async function readKind(path: string): Promise<"directory" | "file" | null> {
  try {
    return (await stat(path)).isDirectory() ? "directory" : "file";
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}
