import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InvalidArgumentError } from "@dyn/protocol";
import { z } from "zod";

const EosFields = z.looseObject({
  eos_token_id: z
    .union([z.number().int().nonnegative(), z.array(z.number().int().nonnegative())])
    .nullish(),
});

/** The ids that end an answer: generation_config.json says it where it is, else config.json. */
export async function readEosTokenIds(directory: string): Promise<number[]> {
  for (const name of ["generation_config.json", "config.json"]) {
    const path = join(directory, name);
    const text = await readIfThere(path);
    if (text === null) continue;
    const ids = parseEosTokenIds(text, path);
    if (ids !== null) return ids;
  }
  return [];
}

function parseEosTokenIds(text: string, path: string): number[] | null {
  let fields: z.infer<typeof EosFields>;
  try {
    fields = EosFields.parse(JSON.parse(text));
  } catch (cause) {
    throw new InvalidArgumentError(
      `${path} is not a JSON object whose eos_token_id is an id or a list of ids.`,
      { code: "DYN_GATEWAY_BAD_MODEL_FILE", cause },
    );
  }
  const { eos_token_id: ids } = fields;
  if (ids == null) return null;
  return typeof ids === "number" ? [ids] : ids;
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
