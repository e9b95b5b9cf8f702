import type { MediaObject } from "../media-object.ts";
import type { MsgpackReader } from "../msgpack/msgpack-reader.ts";

type Media = (MediaObject[] | null)[];

/**
 * vLLM's extra keys: for each block what else entered its hash. A media hash stands as 64 hexadecimal digits, alone or
 * with an offset; salts and LoRA names stand among them and are passed over. `null` when no block has media.
 */
export function readExtraKeys(from: MsgpackReader): Media | null {
  if (from.takeNil()) return null;
  const keys = from.value();
  if (!Array.isArray(keys)) return null;
  const media = keys.map((ofBlock): MediaObject[] | null => {
    if (!Array.isArray(ofBlock)) return null;
    const objects = ofBlock
      .map((entry) => (Array.isArray(entry) ? entry[0] : entry))
      .filter((entry) => typeof entry === "string" && /^[0-9a-f]{64}$/i.test(entry))
      .map((entry: string) => ({ mmHash: BigInt(`0x${entry.slice(0, 16)}`), offsets: [] }));
    return objects.length === 0 ? null : objects;
  });
  return media.some((objects) => objects !== null) ? media : null;
}

/** Dynamo's media records: an array, for each block nil or `{mm_objects: [{mm_hash, offsets}]}`. */
export function readMediaInfos(from: MsgpackReader): Media | null {
  if (from.takeNil()) return null;
  return Array.from({ length: from.arrayLength() }, () => readMediaInfo(from));
}

export function readMediaInfo(from: MsgpackReader): MediaObject[] | null {
  if (from.takeNil()) return null;
  let objects: MediaObject[] = [];
  for (let keys = from.mapLength(); keys > 0; keys--) {
    if (from.string() !== "mm_objects") from.skip();
    else objects = Array.from({ length: from.arrayLength() }, () => readObject(from));
  }
  return objects;
}

function readObject(from: MsgpackReader): MediaObject {
  let mmHash = 0n;
  let offsets: (readonly [number, number])[] = [];
  for (let keys = from.mapLength(); keys > 0; keys--) {
    const key = from.string();
    if (key === "mm_hash") mmHash = from.u64();
    else if (key === "offsets") {
      offsets = Array.from({ length: from.arrayLength() }, () => {
        const ends = Array.from({ length: from.arrayLength() }, () => from.safeInteger());
        return [ends[0] ?? 0, ends[1] ?? 0] as const;
      });
    } else from.skip();
  }
  return { mmHash, offsets };
}
