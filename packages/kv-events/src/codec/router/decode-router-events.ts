// The payload of the topic `kv-events`. Keys may come in any order, unknown ones are passed over; what Dynamo accepts
// when missing has its default. An unknown tier or event makes the whole message unreadable, as there.
import { toWords } from "../block-ids.ts";
import { readMediaInfo } from "../engine/read-media.ts";
import { KvWireError } from "../kv-wire-error.ts";
import type { MediaObject } from "../media-object.ts";
import { msgpackKey } from "../msgpack/msgpack-key.ts";
import { MsgpackReader } from "../msgpack/msgpack-reader.ts";
import { type StorageTier, storageTiers } from "../storage-tier.ts";
import type { RouterEvent } from "./router-event.ts";

const blockHashKey = msgpackKey("block_hash");
const tokensHashKey = msgpackKey("tokens_hash");
const mediaKey = msgpackKey("mm_extra_info");

/** Throws a KvWireError. */
export function decodeRouterEvents(payload: Uint8Array): RouterEvent[] {
  return readRouterEvents(new MsgpackReader(payload));
}

export function readRouterEvents(from: MsgpackReader): RouterEvent[] {
  return Array.from({ length: from.arrayLength() }, () => readRouterEvent(from));
}

function readRouterEvent(from: MsgpackReader): RouterEvent {
  let workerId: bigint | undefined;
  let storageTier: StorageTier = "device";
  let residencyDomain: RouterEvent["residencyDomain"];
  let event: ReturnType<typeof readEvent> | undefined;
  let sessionId: string | null = null;
  for (let keys = from.mapLength(); keys > 0; keys--) {
    switch (from.string()) {
      case "worker_id":
        workerId = from.u64();
        break;
      case "storage_tier":
        storageTier = readTier(from);
        break;
      case "residency_domain":
        residencyDomain = readDomain(from);
        break;
      case "event":
        event = readEvent(from);
        break;
      case "session_id":
        sessionId = from.takeNil() ? null : from.string();
        break;
      default:
        from.skip();
    }
  }
  if (workerId === undefined) throw new KvWireError("A router event has no worker_id.");
  if (event === undefined) throw new KvWireError("A router event has no event.");
  return {
    workerId,
    storageTier,
    ...event,
    ...(residencyDomain === undefined || residencyDomain === "worker" ? {} : { residencyDomain }),
    ...(sessionId === null ? {} : { sessionId }),
  };
}

function readTier(from: MsgpackReader): StorageTier {
  const text = from.string();
  const tier = storageTiers.find((name) => name === text);
  if (tier === undefined) {
    throw new KvWireError(`The storage tier "${text}" is none of ${storageTiers.join(", ")}.`);
  }
  return tier;
}

function readDomain(from: MsgpackReader): "worker" | "cache_owner" {
  const text = from.string();
  if (text === "worker" || text === "cache_owner") return text;
  throw new KvWireError(`The residency domain "${text}" is neither worker nor cache_owner.`);
}

function readEvent(from: MsgpackReader): Pick<RouterEvent, "eventId" | "data" | "dpRank"> {
  let eventId: number | undefined;
  let data: RouterEvent["data"] | undefined;
  let dpRank = 0;
  for (let keys = from.mapLength(); keys > 0; keys--) {
    switch (from.string()) {
      case "event_id":
        eventId = from.safeInteger();
        break;
      case "data":
        data = readData(from);
        break;
      case "dp_rank":
        dpRank = from.uint32();
        break;
      default:
        from.skip();
    }
  }
  if (eventId === undefined) throw new KvWireError("A KV event has no event_id.");
  if (data === undefined) throw new KvWireError("A KV event has no data.");
  return { eventId, data, dpRank };
}

function readData(from: MsgpackReader): RouterEvent["data"] {
  if (from.isString) {
    const text = from.string();
    if (text === "cleared") return { type: "cleared" };
    throw new KvWireError(`The KV event "${text}" is not known.`);
  }
  if (from.mapLength() !== 1) throw new KvWireError("A KV event's data has one key.");
  switch (from.string()) {
    case "stored":
      return readStored(from);
    case "removed":
      return readRemoved(from);
    case "cleared":
      from.skip();
      return { type: "cleared" };
    default:
      throw new KvWireError("A KV event is none of stored, removed, cleared.");
  }
}

function readRemoved(from: MsgpackReader): RouterEvent["data"] {
  let blockHashes = new BigUint64Array(0);
  for (let keys = from.mapLength(); keys > 0; keys--) {
    if (from.string() !== "block_hashes") {
      from.skip();
      continue;
    }
    blockHashes = new BigUint64Array(from.arrayLength());
    const words = toWords(blockHashes);
    for (let i = 0; i < words.length; i += 2) from.int64(words, i);
  }
  return { type: "removed", blockHashes };
}

function readStored(from: MsgpackReader): RouterEvent["data"] {
  let parentHash: bigint | null = null;
  let startPosition: number | null = null;
  let blocks: ReturnType<typeof readBlocks> | undefined;
  for (let keys = from.mapLength(); keys > 0; keys--) {
    switch (from.string()) {
      case "parent_hash":
        parentHash = from.takeNil() ? null : from.u64();
        break;
      case "start_position":
        startPosition = from.takeNil() ? null : from.safeInteger();
        break;
      case "blocks":
        blocks = readBlocks(from);
        break;
      default:
        from.skip();
    }
  }
  if (blocks === undefined) throw new KvWireError("A stored event has no blocks.");
  return { type: "stored", parentHash, ...blocks, startPosition };
}

function readBlocks(from: MsgpackReader) {
  const length = from.arrayLength();
  const blockHashes = new BigUint64Array(length);
  const tokensHashes = new BigUint64Array(length);
  const ids = toWords(blockHashes);
  const locals = toWords(tokensHashes);
  let media: (MediaObject[] | null)[] | null = null;
  for (let block = 0; block < length; block++) {
    let found = 0;
    for (let keys = from.mapLength(); keys > 0; keys--) {
      if (from.takeKey(blockHashKey)) {
        from.int64(ids, block * 2);
        found |= 1;
      } else if (from.takeKey(tokensHashKey)) {
        from.int64(locals, block * 2);
        found |= 2;
      } else if (from.takeKey(mediaKey)) {
        if (from.takeNil()) continue;
        media ??= new Array<MediaObject[] | null>(length).fill(null);
        media[block] = readMediaInfo(from);
      } else {
        from.skip();
        from.skip();
      }
    }
    if (found !== 3) throw new KvWireError("A stored block has no block_hash or no tokens_hash.");
  }
  return { blockHashes, tokensHashes, media };
}
