// MiniMax M3: a closing tag without an opening one means that all before it was reasoning. Where the caller does not
// say how the prompt ended, the text is held until a marker or the end decides; without a marker it is content.
import type { Syntax } from "../output/syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import { createThinkTags, type ThinkTagsFormat } from "./think-tags.ts";

/** UTF-16 units held before the text is taken for content. */
const maxHeldLength = 1024 * 1024;

export function createLoneCloser(
  format: Omit<ThinkTagsFormat, "startInside">,
  startInside: boolean | undefined,
): Syntax {
  const tags = createThinkTags({ ...format, startInside: startInside ?? false });
  if (startInside !== undefined) return tags;
  const markers = new MarkerSet([...format.openers, ...format.closers, ...(format.enders ?? [])]);
  return {
    ...tags,
    *begin(context) {
      const { cursor, writer } = context;
      let held = "";
      let isHeld = true;
      const marker = yield* cursor.passUntil(markers, (text) => {
        if (!isHeld) writer.content(text);
        else held += text;
        if (isHeld && held.length > maxHeldLength) {
          writer.content(held);
          isHeld = false;
        }
      });
      if (!isHeld) return;
      if (!format.closers.includes(marker)) cursor.giveBack(held);
      else {
        cursor.take(marker.length);
        writer.reasoning(held);
      }
    },
  };
}
