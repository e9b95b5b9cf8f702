// A model card as it came from discovery, to the same card with all its files on this machine.
// What is read later is what was verified here: every file has the checksum that the card says.
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CardFile, type CardFiles, contentChecksum, type ModelCard } from "@dyn/protocol";
import { isNotFound, toFileError } from "../files/model-file-error.ts";
import { CardFileError } from "./card-file-error.ts";
import { CardFileStore } from "./card-file-store.ts";
import { downloadCardFile } from "./download-card-file.ts";

export interface LocalizeCardOptions {
  /** Tried for files whose local path is not there, by their base name (the frontend's `--model-path`). */
  readonly fallbackDirectory?: string | undefined;
  /** Default `${XDG_CACHE_HOME:-~/.cache}/dyn/cards`. */
  readonly cacheDirectory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Names under which loaders look for the files, whatever they were called where they came from. */
const localNames = {
  config: "config.json",
  tokenizer: "tokenizer.json",
  tokenizerConfig: "tokenizer_config.json",
  generationConfig: "generation_config.json",
} as const;
const templateName = "chat_template.jinja";

/**
 * The same card: `sourcePath` is the directory that holds the tokenizer's files, every file of `files` a local path.
 * A path that exists here is taken as it is; a URL is fetched once and kept by its checksum.
 * Throws CardFileError when a file cannot be had or is not what the card says.
 */
export async function localizeCard(
  card: ModelCard,
  options: LocalizeCardOptions = {},
): Promise<ModelCard> {
  const { files } = card;
  if (files === undefined || Object.keys(files).length === 0) return card;
  const named = namedFiles(files);
  const contents = await Promise.all(named.map(({ file }) => readLocal(card, file, options)));
  const directories = new Set(contents.map((content) => content && dirname(content.path)));
  const [shared] = directories;
  const template = files.chatTemplate;
  const templateContent =
    template === undefined ? null : await readLocal(card, template.file, options);
  if (directories.size === 1 && shared != null && (template === undefined || templateContent)) {
    const paths = new Map(named.map(({ file }, i) => [file, contents[i]!.path]));
    if (template && templateContent) paths.set(template.file, templateContent.path);
    return withPaths(card, shared, (file) => paths.get(file) ?? file.path);
  }
  const all = [...named, ...(template ? [{ name: templateName, file: template.file }] : [])];
  const found = template ? [...contents, templateContent] : contents;
  const store = await CardFileStore.open(all, options.cacheDirectory);
  await Promise.all(
    all.map(async ({ name, file }, i) => {
      if (await store.has(name, file)) return;
      await store.put(
        name,
        found[i]?.bytes ?? (await downloadCardFile(card, file, options.signal)),
      );
    }),
  );
  const nameOf = new Map(all.map(({ name, file }) => [file, name]));
  return withPaths(card, store.directory, (file) =>
    join(store.directory, nameOf.get(file) ?? basename(file.path)),
  );
}

function namedFiles(files: CardFiles): { name: string; file: CardFile }[] {
  return Object.entries(localNames).flatMap(([field, name]) => {
    const file = files[field as keyof typeof localNames];
    return file === undefined ? [] : [{ name, file }];
  });
}

interface LocalContent {
  readonly path: string;
  readonly bytes: Buffer;
}

/** `null`: it is not on this machine. Throws when it is, and differs. */
async function readLocal(
  card: ModelCard,
  file: CardFile,
  { fallbackDirectory }: LocalizeCardOptions,
): Promise<LocalContent | null> {
  if (/^(?:https?|hf):\/\//.test(file.path)) return null;
  const path = file.path.startsWith("file://") ? fileURLToPath(file.path) : file.path;
  const places = [path];
  if (fallbackDirectory !== undefined) places.push(join(fallbackDirectory, basename(path)));
  for (const place of places) {
    let bytes: Buffer;
    try {
      bytes = await readFile(place);
    } catch (error) {
      if (isNotFound(error)) continue;
      throw toFileError(error, place);
    }
    const checksum = contentChecksum(bytes);
    if (checksum === file.checksum) return { path: place, bytes };
    throw new CardFileError(
      "DYN_CARD_FILE_CHECKSUM",
      `${card.displayName}: ${place} on this machine has the checksum ${checksum}, the worker's has ${file.checksum}. Give both the same revision of the model, or let workers serve the files themselves (DYN_SYSTEM_PORT).`,
    );
  }
  return null;
}

function withPaths(
  card: ModelCard,
  directory: string,
  pathOf: (file: CardFile) => string,
): ModelCard {
  const { chatTemplate, ...files } = card.files ?? {};
  const local = (file: CardFile): CardFile => ({ ...file, path: pathOf(file) });
  return {
    ...card,
    sourcePath: directory,
    files: {
      ...Object.fromEntries(
        Object.entries(files).flatMap(([field, file]) =>
          file === undefined ? [] : [[field, local(file)]],
        ),
      ),
      ...(chatTemplate === undefined
        ? {}
        : { chatTemplate: { ...chatTemplate, file: local(chatTemplate.file) } }),
    },
  };
}
