// Reads the header of one .safetensors file: 8 bytes little-endian length n, n bytes JSON, then data.
// Reads those 8 + n bytes and no weight. Every number is checked before it is believed.
import { type FileHandle, open } from "node:fs/promises";
import { ModelFileError, toFileError } from "../files/model-file-error.ts";
import { isJsonObject, type JsonObject } from "../files/read-json-file.ts";
import { isTensorDtype, tensorDtypeSizeBytes } from "./tensor-dtype.ts";
import type { TensorView } from "./tensor-view.ts";

/** The format's own limit. */
const maxHeaderBytes = 100_000_000;

/** `file`: absolute, symbolic links resolved. Views in the order of their data. */
export async function readSafetensorsHeader(file: string): Promise<TensorView[]> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, "r");
    const { size } = await handle.stat();
    const header = await readHeaderText(handle, file, size);
    return headerToViews(header.json, file, header.dataOffset, size);
  } catch (error) {
    throw toFileError(error, file);
  } finally {
    await handle?.close();
  }
}

async function readHeaderText(handle: FileHandle, file: string, fileSizeBytes: number) {
  if (fileSizeBytes < 8) {
    throw invalid(file, `has ${fileSizeBytes} bytes; a safetensors file has at least 8.`);
  }
  const prefix = await readExactly(handle, file, 8, 0);
  if (prefix.toString("latin1") === "version ") {
    throw invalid(
      file,
      "is a Git LFS pointer, not the file itself. Run `git lfs pull` in its directory.",
    );
  }
  const headerBytes = prefix.readBigUInt64LE(0);
  if (headerBytes > BigInt(maxHeaderBytes)) {
    throw invalid(
      file,
      `its first 8 bytes announce a header of ${headerBytes} bytes (limit ${maxHeaderBytes}). It is damaged or not a safetensors file.`,
    );
  }
  const sizeBytes = Number(headerBytes);
  if (8 + sizeBytes > fileSizeBytes) {
    throw invalid(
      file,
      `is cut short: its header ends at byte ${8 + sizeBytes}, the file at ${fileSizeBytes}. Copy or download it again.`,
    );
  }
  const text = (await readExactly(handle, file, sizeBytes, 8)).toString("utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(file, `its header is not valid JSON (${reason}). The file is damaged.`, error);
  }
  if (!isJsonObject(json)) throw invalid(file, "its header is JSON but not an object.");
  return { json, dataOffset: 8 + sizeBytes };
}

async function readExactly(handle: FileHandle, file: string, sizeBytes: number, at: number) {
  const buffer = Buffer.allocUnsafe(sizeBytes);
  let done = 0;
  while (done < sizeBytes) {
    const { bytesRead } = await handle.read(buffer, done, sizeBytes - done, at + done);
    if (bytesRead === 0) throw invalid(file, `ended at byte ${at + done} while it was read.`);
    done += bytesRead;
  }
  return buffer;
}

function headerToViews(
  header: JsonObject,
  file: string,
  dataOffset: number,
  fileSizeBytes: number,
): TensorView[] {
  const views: TensorView[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name !== "__metadata__") views.push(entryToView(name, entry, file, dataOffset));
  }
  views.sort((a, b) => a.offsetBytes - b.offsetBytes || a.sizeBytes - b.sizeBytes);
  let end = dataOffset;
  for (const view of views) {
    if (view.offsetBytes !== end) {
      throw invalid(
        file,
        `tensor "${view.name}" begins at data offset ${view.offsetBytes - dataOffset}, but the one before it ends at ${end - dataOffset}. The file is damaged.`,
      );
    }
    end = view.offsetBytes + view.sizeBytes;
  }
  if (end > fileSizeBytes) {
    throw invalid(
      file,
      `is cut short: its tensors end at byte ${end}, the file at ${fileSizeBytes} (${end - fileSizeBytes} bytes are missing). Copy or download it again.`,
    );
  }
  if (end < fileSizeBytes) {
    throw invalid(
      file,
      `has ${fileSizeBytes - end} bytes behind its last tensor. The file is damaged.`,
    );
  }
  return views;
}

function entryToView(name: string, entry: unknown, file: string, dataOffset: number): TensorView {
  const fail = (what: string) => invalid(file, `tensor "${name}" ${what}`);
  if (!isJsonObject(entry)) throw fail("is not described by an object.");
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isTensorDtype(dtype)) {
    throw fail(
      `has dtype ${JSON.stringify(dtype)}; known are ${Object.keys(tensorDtypeSizeBytes).join(", ")}.`,
    );
  }
  if (!isSizeList(shape)) throw fail(`has shape ${JSON.stringify(shape)}.`);
  if (!isSizeList(offsets) || offsets.length !== 2) {
    throw fail(`has data_offsets ${JSON.stringify(offsets)}; two whole numbers were expected.`);
  }
  const [begin = 0, end = 0] = offsets;
  const wanted = shape.reduce((product, size) => product * size, tensorDtypeSizeBytes[dtype]);
  if (end < begin || end - begin !== wanted) {
    throw fail(
      `has ${end - begin} bytes by its data_offsets, but ${dtype} of shape [${shape}] has ${wanted}.`,
    );
  }
  return { name, dtype, shape, file, offsetBytes: dataOffset + begin, sizeBytes: wanted };
}

function isSizeList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function invalid(file: string, what: string, cause?: unknown): ModelFileError {
  return new ModelFileError("DYN_MODEL_FILE_INVALID", file, what, { cause });
}
