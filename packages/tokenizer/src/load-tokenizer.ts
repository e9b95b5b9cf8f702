// Reads a model directory's tokenizer files.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Tokenizer } from "./contract/tokenizer.ts";
import { createTokenizer } from "./create-tokenizer.ts";
import { TokenizerFileError } from "./file/tokenizer-file-error.ts";
import { isJsonObject, type JsonObject } from "./file/tokenizer-json.ts";

/**
 * `tokenizer.json` must be there, `tokenizer_config.json` may be. Missing or damaged files give a
 * TokenizerFileError that names the file and what is wrong with it.
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const file = join(directory, "tokenizer.json");
  const json = await readJson(file);
  if (json === null) {
    throw new TokenizerFileError(
      file,
      "is missing. A model directory needs the tokenizer.json of Hugging Face tokenizers.",
    );
  }
  const config = await readJson(join(directory, "tokenizer_config.json"));
  return createTokenizer(json, config ?? {}, file);
}

/** null: no such file. */
async function readJson(file: string): Promise<JsonObject | null> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new TokenizerFileError(file, "cannot be read.", error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TokenizerFileError(file, `is not valid JSON (${reason}).`, error);
  }
  if (isJsonObject(value)) return value;
  throw new TokenizerFileError(file, "holds JSON that is not an object.");
}
