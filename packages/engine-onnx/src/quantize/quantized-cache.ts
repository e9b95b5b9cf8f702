// Quantised weights on disk, one entry per model directory: made once, mapped by every later start.
// An entry is a directory with model.safetensors and manifest.json; it appears whole or not at all (rename).
// An entry that does not fit its model any more, or is damaged, is made again.
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { type Checkpoint, type ModelConfig, openCheckpoint } from "@dyn/model-files";
import { type QuantizedGroup, quantizedGroups } from "./quantized-tensors.ts";
import { writeQuantizedFile } from "./write-quantized-file.ts";

/** Goes up when codes, scales or layout change. */
const quantizerVersion = 1;
const weightsName = "model.safetensors";
const manifestName = "manifest.json";

interface Manifest {
  /** Says what was quantised, and how. */
  readonly source: string;
  /** Of model.safetensors. */
  readonly crc32: number;
}

export interface QuantizedCacheOptions {
  readonly config: ModelConfig;
  readonly checkpoint: Checkpoint;
  readonly cacheDirectory: string;
  readonly threadCount: number;
}

export interface QuantizedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly origin: "cache" | "quantized";
  /** Why an existing entry was not used. */
  readonly rebuiltBecause: string | null;
}

/** `${XDG_CACHE_HOME}/dyn/quantized`, or below `~/.cache`. */
export function defaultCacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME;
  return join(base ? base : join(homedir(), ".cache"), "dyn", "quantized");
}

/** Opens the entry of this checkpoint, after making it if need be. Tensors are named by quantized-tensors.ts. */
export async function openQuantizedCheckpoint(
  options: QuantizedCacheOptions,
): Promise<QuantizedCheckpoint> {
  const files = [...new Set([...options.checkpoint.tensors.values()].map(({ file }) => file))];
  const groups = quantizedGroups(options.config);
  const source = await describeSource(files, groups);
  const entry = join(options.cacheDirectory, entryName(files));
  const existing = await openEntry(entry, source);
  if (typeof existing !== "string") {
    return { checkpoint: existing, origin: "cache", rebuiltBecause: null };
  }
  await makeEntry(entry, source, options, groups);
  const made = await openEntry(entry, source);
  if (typeof made === "string") throw new Error(`${entry} was damaged while it was made: ${made}`);
  const rebuiltBecause = existing === missing ? null : existing;
  return { checkpoint: made, origin: "quantized", rebuiltBecause };
}

const missing = "it does not exist";

/** The entry's tensors, or the reason why it cannot be used. */
async function openEntry(entry: string, source: string): Promise<Checkpoint | string> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(join(entry, manifestName), "utf8")) as Manifest;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return missing;
    return `its manifest cannot be read (${reason(error)})`;
  }
  if (manifest.source !== source) return "the checkpoint or the quantiser changed";
  try {
    const actual = await checksum(join(entry, weightsName));
    if (actual !== manifest.crc32) return "its checksum is wrong";
    return await openCheckpoint(entry);
  } catch (error) {
    return `its weights cannot be read (${reason(error)})`;
  }
}

async function makeEntry(
  entry: string,
  source: string,
  options: QuantizedCacheOptions,
  groups: readonly QuantizedGroup[],
): Promise<void> {
  await mkdir(options.cacheDirectory, { recursive: true });
  const draft = `${entry}.${randomUUID()}.draft`;
  try {
    await mkdir(draft);
    const file = join(draft, weightsName);
    await writeQuantizedFile(file, options.checkpoint, groups, options.threadCount);
    const manifest: Manifest = { source, crc32: await checksum(file) };
    await writeFile(join(draft, manifestName), JSON.stringify(manifest));
    await publish(draft, entry, source);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Another process may have made the same entry meanwhile: theirs stays when it is good. */
async function publish(draft: string, entry: string, source: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await rename(draft, entry);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (attempt === 3 || !["ENOTEMPTY", "EEXIST", "EPERM"].includes(String(code))) throw error;
    }
    if (typeof (await openEntry(entry, source)) !== "string") return;
    await rm(entry, { recursive: true, force: true });
  }
}

async function describeSource(
  files: readonly string[],
  groups: readonly QuantizedGroup[],
): Promise<string> {
  const identities = await Promise.all(
    files.map(async (file) => {
      const { size, mtimeMs } = await stat(file);
      return [file, size, mtimeMs];
    }),
  );
  const layout = groups.map(({ codes, rowCount, blockSize }) => [codes, rowCount, blockSize]);
  return hash(JSON.stringify({ quantizerVersion, identities, layout }));
}

function entryName(files: readonly string[]): string {
  const directory = basename(dirname(files[0] ?? "model")).replace(/[^\w.-]/g, "_");
  return `${directory}-q8-${hash(files.join("\n")).slice(0, 12)}`;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function checksum(file: string): Promise<number> {
  let value = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 4 << 20 })) {
    value = crc32(chunk as Buffer, value);
  }
  return value;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
