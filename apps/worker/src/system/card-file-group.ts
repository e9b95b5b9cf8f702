// The files of a model card on the system server: which it serves, and how the card names them then.
import { basename } from "node:path";
import { type CardFileGroup, cardFilePath } from "@dyn/health";
import type { CardFile, ModelCard } from "@dyn/protocol";
import { parseEndpointId } from "@dyn/runtime";

/** The files that the card names, for the route that serves them. */
export function cardFileGroup(card: ModelCard, slug: string): CardFileGroup {
  const { chatTemplate, ...files } = card.files ?? {};
  const all: readonly (CardFile | undefined)[] = [...Object.values(files), chatTemplate?.file];
  return {
    ...parseEndpointId(card.endpoint),
    slug,
    files: Object.fromEntries(
      all.flatMap((file) => (file === undefined ? [] : [[basename(file.path), file.path]])),
    ),
  };
}

/** The same card, whose files are to be fetched from `baseUrl`. Checksums stay what they are. */
export function withCardUrls(card: ModelCard, baseUrl: string, slug: string): ModelCard {
  if (card.files === undefined) return card;
  const { chatTemplate, ...files } = card.files;
  const endpoint = parseEndpointId(card.endpoint);
  const hosted = (file: CardFile): CardFile => ({
    ...file,
    path: `${baseUrl}${cardFilePath({ ...endpoint, slug }, basename(file.path))}`,
  });
  return {
    ...card,
    files: {
      ...Object.fromEntries(
        Object.entries(files).flatMap(([field, file]) =>
          file === undefined ? [] : [[field, hosted(file)]],
        ),
      ),
      ...(chatTemplate === undefined
        ? {}
        : { chatTemplate: { ...chatTemplate, file: hosted(chatTemplate.file) } }),
    },
  };
}
