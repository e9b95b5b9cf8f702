import { readFile } from "node:fs/promises";
import type { ModelCard } from "@dyn/protocol";

/** Jinja source that the worker names instead of the model's own; `undefined` when it names none. */
export async function readTemplateOverride(card: ModelCard): Promise<string | undefined> {
  if (card.chatTemplate !== undefined) return card.chatTemplate;
  const file = card.files?.chatTemplate?.file;
  return file === undefined ? undefined : readFile(file.path, "utf8");
}
