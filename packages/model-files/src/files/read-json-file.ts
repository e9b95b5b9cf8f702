import { readFile, stat } from "node:fs/promises";
import { ModelFileError, toFileError } from "./model-file-error.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** An index of a 1-trillion-parameter checkpoint is about 15 MB. */
const maxJsonBytes = 64 * 1024 * 1024;

/** Reads a JSON file whose top level must be an object. Errors name the file and, for bad JSON, the place. */
export async function readJsonFile(path: string): Promise<JsonObject> {
  const value = await readJson(path);
  if (isJsonObject(value)) return value;
  throw new ModelFileError("DYN_MODEL_FILE_INVALID", path, "holds JSON that is not an object.");
}

/** A JSON file whose top level must be a list of objects; `null` when there is no such file. */
export async function readOptionalJsonList(path: string): Promise<readonly JsonObject[] | null> {
  const value = await orNull(readJson(path));
  if (value === null || (Array.isArray(value) && value.every(isJsonObject))) return value;
  throw new ModelFileError(
    "DYN_MODEL_FILE_INVALID",
    path,
    "holds JSON that is not a list of objects.",
  );
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > maxJsonBytes) {
      throw new ModelFileError(
        "DYN_MODEL_FILE_INVALID",
        path,
        `has ${size} bytes; a JSON file of a model has at most ${maxJsonBytes}.`,
      );
    }
    text = await readFile(path, "utf8");
  } catch (error) {
    throw toFileError(error, path);
  }
  return parseJson(text, path);
}

/** As `readJsonFile`; `null` when there is no such file. */
export function readOptionalJsonFile(path: string): Promise<JsonObject | null> {
  return orNull(readJsonFile(path));
}

async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof ModelFileError && error.code === "DYN_MODEL_FILE_MISSING") return null;
    throw error;
  }
}

function parseJson(text: string, path: string): unknown {
  if (text.startsWith("version https://git-lfs.github.com/spec/")) {
    throw new ModelFileError(
      "DYN_MODEL_FILE_INVALID",
      path,
      "is a Git LFS pointer, not the file itself. Run `git lfs pull` in its directory.",
    );
  }
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelFileError(
      "DYN_MODEL_FILE_INVALID",
      path,
      `is not valid JSON (${reason}). It has ${text.length} characters; was the copy cut short?`,
      { cause: error },
    );
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
