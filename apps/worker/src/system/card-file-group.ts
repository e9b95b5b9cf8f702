import { basename } from "node:path";
import type { CardFileGroup } from "@dyn/health";
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
