// The payload of the topic `kv-events`. Keys may come in any order, unknown ones are passed over; what Dynamo accepts
// when missing has its default. An unknown tier or event makes the whole message unreadable, as there.
import { toWords } from "../block-ids.ts";
import { readMediaInfo } from "../engine/read-media.ts";
import { KvWireError } from "../kv-wire-error.ts";
import type { MediaObject } from "../media-object.ts";
import { keySet } from "../msgpack/msgpack-key.ts";
import { MsgpackReader } from "../msgpack/msgpack-reader.ts";
import { storageTiers } from "../storage-tier.ts";
import type { RouterEvent } from "./router-event.ts";
import { isWideBlock, wideBlock, wideIdAt, wideLocalAt } from "./wide-block.ts";

const eventKeys = keySet("worker_id", "storage_tier", "residency_domain", "event", "session_id");
const innerKeys = keySet("event_id", "data", "dp_rank");
const dataKeys = keySet("stored", "removed", "cleared");
const storedKeys = keySet("parent_hash", "start_position", "blocks");
const blockKeys = keySet("block_hash", "tokens_hash", "mm_extra_info");
const tiers = keySet(...storageTiers);
const domains = keySet("worker", "cache_owner");

/** Throws a KvWireError. */
export function decodeRouterEvents(payload: Uint8Array): RouterEvent[] {
  return readRouterEvents(new MsgpackReader(payload));
}

export function readRouterEvents(from: MsgpackReader): RouterEvent[] {
  const length = from.arrayLength();
  const events: RouterEvent[] = [];
  for (let i = 0; i < length; i++) events.push(readRouterEvent(from));
  return events;
}

function readRouterEvent(from: MsgpackReader): RouterEvent {
  let workerId: bigint | undefined;
  let tier = 0;
  let domain = 0;
  let inner: ReturnType<typeof readInner> | undefined;
  let sessionId: string | null = null;
  const length = from.mapLength();
  for (let i = 0; i < length; i++) {
    switch (from.keyOf(eventKeys, i)) {
      case 0:
        workerId = from.u64();
        break;
      case 1:
        tier = from.keyOf(tiers, 0);
        if (tier < 0) throw new KvWireError(`A tier is none of ${storageTiers.join(", ")}.`);
        break;
      case 2:
        domain = from.keyOf(domains, 0);
        if (domain < 0) throw new KvWireError("A residency domain is worker or cache_owner.");
        break;
      case 3:
        inner = readInner(from);
        break;
      case 4:
        sessionId = from.takeNil() ? null : from.string();
        break;
      default:
        from.skip();
    }
  }
  if (workerId === undefined) throw new KvWireError("A router event has no worker_id.");
  if (inner === undefined) throw new KvWireError("A router event has no event.");
  const { eventId, data, dpRank } = inner;
  const event = { workerId, storageTier: storageTiers[tier]!, eventId, data, dpRank };
  if (domain === 0 && sessionId === null) return event;
  return {
    ...event,
    ...(domain === 0 ? {} : { residencyDomain: "cache_owner" as const }),
    ...(sessionId === null ? {} : { sessionId }),
  };
}

function readInner(from: MsgpackReader): Pick<RouterEvent, "eventId" | "data" | "dpRank"> {
  let eventId: number | undefined;
  let data: RouterEvent["data"] | undefined;
  let dpRank = 0;
  const length = from.mapLength();
  for (let i = 0; i < length; i++) {
    switch (from.keyOf(innerKeys, i)) {
      case 0:
        eventId = from.safeInteger();
        break;
      case 1:
        data = readData(from);
        break;
      case 2:
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
    if (from.keyOf(dataKeys, 2) === 2) return { type: "cleared" };
    throw new KvWireError("A KV event without data is none but cleared.");
  }
  if (from.mapLength() !== 1) throw new KvWireError("A KV event's data has one key.");
  switch (from.keyOf(dataKeys, 0)) {
    case 0:
      return readStored(from);
    case 1:
      return readRemoved(from);
    case 2:
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
  const length = from.mapLength();
  for (let i = 0; i < length; i++) {
    switch (from.keyOf(storedKeys, i)) {
      case 0:
        parentHash = from.takeNil() ? null : from.u64();
        break;
      case 1:
        startPosition = from.takeNil() ? null : from.safeInteger();
        break;
      case 2:
        blocks = readBlocks(from);
        break;
      default:
        from.skip();
    }
  }
  if (blocks === undefined) throw new KvWireError("A stored event has no blocks.");
  const { blockHashes, tokensHashes, media } = blocks;
  return { type: "stored", parentHash, blockHashes, tokensHashes, media, startPosition };
}

function readBlocks(from: MsgpackReader) {
  const length = from.arrayLength();
  // One buffer for both: a typed array of its own costs more than a block.
  const buffer = new ArrayBuffer(length * 16);
  const blockHashes = new BigUint64Array(buffer, 0, length);
  const tokensHashes = new BigUint64Array(buffer, length * 8, length);
  const words = new Uint32Array(buffer);
  let media: (MediaObject[] | null)[] | null = null;
  const { view } = from;
  for (let block = 0; block < length; block++) {
    const at = from.position;
    if (isWideBlock(view, at)) {
      words[2 * block + 1] = view.getUint32(at + wideIdAt);
      words[2 * block] = view.getUint32(at + wideIdAt + 4);
      words[2 * (length + block) + 1] = view.getUint32(at + wideLocalAt);
      words[2 * (length + block)] = view.getUint32(at + wideLocalAt + 4);
      from.position = at + wideBlock.length;
      continue;
    }
    let found = 0;
    const keyCount = from.mapLength();
    for (let i = 0; i < keyCount; i++) {
      switch (from.keyOf(blockKeys, i)) {
        case 0:
          from.int64(words, block * 2);
          found |= 1;
          break;
        case 1:
          from.int64(words, (length + block) * 2);
          found |= 2;
          break;
        case 2:
          if (from.takeNil()) break;
          media ??= new Array<MediaObject[] | null>(length).fill(null);
          media[block] = readMediaInfo(from);
          break;
        default:
          from.skip();
      }
    }
    if (found !== 3) throw new KvWireError("A stored block has no block_hash or no tokens_hash.");
  }
  return { blockHashes, tokensHashes, media };
}
