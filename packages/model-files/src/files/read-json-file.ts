import { readFile, stat } from "node:fs/promises";
import { ModelFileError, toFileError } from "./model-file-error.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** An index of a 1-trillion-parameter checkpoint is about 15 MB. */
const maxJsonBytes = 64 * 1024 * 1024;

/** Reads a JSON file whose top level must be an object. Errors name the file and, for bad JSON, the place. */
export async function readJsonFile(path: string): Promise<JsonObject> {
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
  return parseJsonObject(text, path);
}

/** As `readJsonFile`; `null` when there is no such file. */
export async function readOptionalJsonFile(path: string): Promise<JsonObject | null> {
  try {
    return await readJsonFile(path);
  } catch (error) {
    if (error instanceof ModelFileError && error.code === "DYN_MODEL_FILE_MISSING") return null;
    throw error;
  }
}

function parseJsonObject(text: string, path: string): JsonObject {
  if (text.startsWith("version https://git-lfs.github.com/spec/")) {
    throw new ModelFileError(
      "DYN_MODEL_FILE_INVALID",
      path,
      "is a Git LFS pointer, not the file itself. Run `git lfs pull` in its directory.",
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelFileError(
      "DYN_MODEL_FILE_INVALID",
      path,
      `is not valid JSON (${reason}). It has ${text.length} characters; was the copy cut short?`,
      { cause: error },
    );
  }
  if (!isJsonObject(value)) {
    throw new ModelFileError("DYN_MODEL_FILE_INVALID", path, "holds JSON that is not an object.");
  }
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
