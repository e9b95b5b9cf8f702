// The files of a model that frontends read, with their checksums.
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type CardFile, type CardFiles, contentChecksum } from "@dyn/protocol";

/** Files that are not there are left out; the chat template's own error is the caller's. */
export async function readCardFiles(options: {
  readonly modelDirectory: string;
  readonly tokenizerDirectory: string;
  /** A template given by the operator. */
  readonly chatTemplateFile: string | null;
}): Promise<CardFiles> {
  const { modelDirectory, tokenizerDirectory, chatTemplateFile } = options;
  const files: Record<string, CardFile | undefined> = {
    config: await describe(modelDirectory, "config.json"),
    tokenizer: await describe(tokenizerDirectory, "tokenizer.json"),
    tokenizerConfig: await describe(tokenizerDirectory, "tokenizer_config.json"),
    generationConfig: await describe(modelDirectory, "generation_config.json"),
  };
  const template =
    chatTemplateFile === null
      ? await describe(tokenizerDirectory, "chat_template.jinja")
      : await describe("", resolve(chatTemplateFile));
  return {
    ...Object.fromEntries(Object.entries(files).filter(([, file]) => file !== undefined)),
    ...(template === undefined
      ? {}
      : { chatTemplate: { isCustom: chatTemplateFile !== null, file: template } }),
  };
}

async function describe(directory: string, name: string): Promise<CardFile | undefined> {
  const path = join(directory, name);
  try {
    const content = await readFile(path);
    return { path, checksum: contentChecksum(content), sizeBytes: content.length };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
