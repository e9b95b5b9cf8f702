// An engine's batch in any of its spellings: SGLang's maps and arrays, vLLM's longer arrays, older and shorter ones.
// One odd event is passed over and counted; the rest of its batch stands.
import { KvWireError } from "../kv-wire-error.ts";
import type { MediaObject } from "../media-object.ts";
import { MsgpackReader } from "../msgpack/msgpack-reader.ts";
import type { EngineBatch, EngineEvent } from "./engine-event.ts";
import { readExternalId } from "./external-id.ts";
import { readExtraKeys, readMediaInfos } from "./read-media.ts";

export interface DecodedEngineBatch extends EngineBatch {
  /** Events with a tag that is not known here. */
  readonly unknownCount: number;
  /** Events that lack something or hold it in a wrong form. */
  readonly malformedCount: number;
  /** What was wrong with the first of them. */
  readonly problem: string | null;
}

/** Throws a KvWireError when the batch as a whole cannot be read. */
export function decodeEngineBatch(payload: Uint8Array): DecodedEngineBatch {
  const from = new MsgpackReader(payload);
  const length = from.arrayLength();
  if (length < 2) throw new KvWireError("A batch of KV events has a timestamp and events.");
  const timestamp = from.number();
  const events: EngineEvent[] = [];
  let unknownCount = 0;
  let malformedCount = 0;
  let problem: string | null = null;
  for (let left = from.arrayLength(); left > 0; left--) {
    const start = from.position;
    try {
      const event = readEvent(from);
      if (event === null) unknownCount += 1;
      else events.push(event);
    } catch (error) {
      if (!(error instanceof KvWireError)) throw error;
      malformedCount += 1;
      problem ??= error.message;
      from.position = start;
      from.skip();
    }
  }
  let dpRank: number | null = null;
  if (length > 2 && !from.takeNil()) {
    const rank = from.safeInteger();
    dpRank = rank < 0 ? null : rank;
  }
  for (let extra = length - 3; extra > 0; extra--) from.skip();
  return { timestamp, events, dpRank, unknownCount, malformedCount, problem };
}

/** What an event may say, in either spelling. */
interface Fields {
  tag?: string;
  blockHashes?: BigInt64Array;
  parentBlockHash?: bigint | null;
  tokenIds?: Uint32Array;
  isEagle?: boolean;
  blockSize?: number;
  medium?: string | null;
  loraName?: string | null;
  cacheSalt?: string | null;
  sessionId?: string | null;
  media?: (MediaObject[] | null)[] | null;
  groupIndex?: number | null;
  specKind?: string | null;
}

type FieldReader = (from: MsgpackReader, into: Fields) => void;

const read = {
  blockHashes: (from, into) => {
    into.blockHashes = readIds(from);
  },
  parentBlockHash: (from, into) => {
    into.parentBlockHash = from.takeNil() ? null : readId(from);
  },
  tokenIds: readTokens,
  blockSize: (from, into) => {
    into.blockSize = from.safeInteger();
  },
  medium: (from, into) => {
    into.medium = readText(from);
  },
  loraName: (from, into) => {
    into.loraName = readText(from);
  },
  cacheSalt: (from, into) => {
    into.cacheSalt = readText(from);
  },
  sessionId: (from, into) => {
    into.sessionId = readText(from);
  },
  extraKeys: (from, into) => {
    into.media ??= readExtraKeys(from);
  },
  mediaInfos: (from, into) => {
    into.media = readMediaInfos(from);
  },
  groupIndex: (from, into) => {
    into.groupIndex = from.takeNil() ? null : from.safeInteger();
  },
  specKind: (from, into) => {
    into.specKind = readText(from);
  },
  /** SGLang up to 0.5.19 puts what came late into a map; vLLM has the LoRA name here. */
  loraNameOrRest: (from, into) => {
    if (from.isMap) readMap(from, into);
    else into.loraName = readText(from);
  },
  nothing: (from) => from.skip(),
} as const satisfies Record<string, FieldReader>;

/** Behind the tag. */
const positions: Readonly<Record<string, readonly FieldReader[]>> = {
  BlockStored: [
    read.blockHashes,
    read.parentBlockHash,
    read.tokenIds,
    read.blockSize,
    read.nothing, // lora_id: a number that means nothing outside its engine
    read.medium,
    read.loraNameOrRest,
    read.extraKeys,
    read.groupIndex,
    read.specKind,
  ],
  BlockRemoved: [read.blockHashes, read.medium, read.groupIndex],
  AllBlocksCleared: [read.medium],
};

const keys: Readonly<Record<string, FieldReader>> = {
  type: (from, into) => {
    into.tag = from.string();
  },
  block_hashes: read.blockHashes,
  parent_block_hash: read.parentBlockHash,
  token_ids: read.tokenIds,
  block_size: read.blockSize,
  medium: read.medium,
  lora_name: read.loraName,
  cache_salt: read.cacheSalt,
  session_id: read.sessionId,
  extra_keys: read.extraKeys,
  block_mm_infos: read.mediaInfos,
  group_idx: read.groupIndex,
  kv_cache_spec_kind: read.specKind,
};

/** `null` = a tag that is not known. */
function readEvent(from: MsgpackReader): EngineEvent | null {
  const fields: Fields = {};
  if (from.isMap) readMap(from, fields);
  else {
    const length = from.arrayLength();
    if (length === 0) throw new KvWireError("An event is empty.");
    fields.tag = from.string();
    const readers = Object.hasOwn(positions, fields.tag) ? positions[fields.tag]! : [];
    for (let i = 0; i < length - 1; i++) (readers[i] ?? read.nothing)(from, fields);
  }
  return toEvent(fields);
}

function readMap(from: MsgpackReader, into: Fields): void {
  for (let left = from.mapLength(); left > 0; left--) {
    const key = from.string();
    (Object.hasOwn(keys, key) ? keys[key]! : read.nothing)(from, into);
  }
}

function toEvent(fields: Fields): EngineEvent | null {
  const { tag, blockHashes, medium = null, groupIndex = null } = fields;
  if (tag === undefined) throw new KvWireError("An event has no type.");
  if (tag === "AllBlocksCleared") return { type: "cleared", medium };
  if (tag !== "BlockStored" && tag !== "BlockRemoved") return null;
  if (blockHashes === undefined) throw new KvWireError(`A ${tag} has no block_hashes.`);
  if (tag === "BlockRemoved") return { type: "removed", blockHashes, medium, groupIndex };
  if (fields.tokenIds === undefined) throw new KvWireError("A BlockStored has no token_ids.");
  if (fields.blockSize === undefined) throw new KvWireError("A BlockStored has no block_size.");
  return {
    type: "stored",
    blockHashes,
    parentBlockHash: fields.parentBlockHash ?? null,
    tokenIds: fields.tokenIds,
    blockSize: fields.blockSize,
    medium,
    loraName: fields.loraName ?? null,
    cacheSalt: fields.cacheSalt ?? null,
    sessionId: fields.sessionId ?? null,
    media: fields.media ?? null,
    isEagle: fields.isEagle ?? false,
    groupIndex,
    specKind: fields.specKind ?? null,
  };
}

function readText(from: MsgpackReader): string | null {
  return from.takeNil() ? null : from.string();
}

function readIds(from: MsgpackReader): BigInt64Array {
  const ids = new BigInt64Array(from.arrayLength());
  const words = new Uint32Array(ids.buffer);
  for (let i = 0; i < words.length; i += 2) readExternalId(from, words, i);
  return ids;
}

function readId(from: MsgpackReader): bigint {
  const id = new BigInt64Array(1);
  readExternalId(from, new Uint32Array(id.buffer), 0);
  return id[0]!;
}

/** Token ids, or EAGLE's pairs of neighbours: each then gives its first, the last one both. */
function readTokens(from: MsgpackReader, into: Fields): void {
  const length = from.arrayLength();
  into.isEagle = length > 0 && from.isArray;
  const tokens = new Uint32Array(into.isEagle ? length + 1 : length);
  for (let i = 0; i < length; i++) {
    if (!into.isEagle) {
      tokens[i] = from.uint32();
      continue;
    }
    if (from.arrayLength() !== 2) throw new KvWireError("A pair of tokens has two.");
    const first = from.uint32();
    if (i > 0 && tokens[i] !== first) throw new KvWireError("Pairs of tokens do not join.");
    tokens[i] = first;
    tokens[i + 1] = from.uint32();
  }
  into.tokenIds = tokens;
}
