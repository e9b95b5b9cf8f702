import { toWords } from "../block-ids.ts";
import type { MediaObject } from "../media-object.ts";
import { msgpackKey } from "../msgpack/msgpack-key.ts";
import { MsgpackWriter } from "../msgpack/msgpack-writer.ts";
import type { RouterEvent, StoredData } from "./router-event.ts";
import { wideBlock, wideIdAt, wideLocalAt } from "./wide-block.ts";

const key = {
  workerId: msgpackKey("worker_id"),
  storageTier: msgpackKey("storage_tier"),
  residencyDomain: msgpackKey("residency_domain"),
  event: msgpackKey("event"),
  eventId: msgpackKey("event_id"),
  data: msgpackKey("data"),
  dpRank: msgpackKey("dp_rank"),
  sessionId: msgpackKey("session_id"),
  stored: msgpackKey("stored"),
  removed: msgpackKey("removed"),
  cleared: msgpackKey("cleared"),
  parentHash: msgpackKey("parent_hash"),
  startPosition: msgpackKey("start_position"),
  blocks: msgpackKey("blocks"),
  blockHash: msgpackKey("block_hash"),
  tokensHash: msgpackKey("tokens_hash"),
  media: msgpackKey("mm_extra_info"),
  blockHashes: msgpackKey("block_hashes"),
};
const bytesPerBlock = 60;

/** The payload of the topic `kv-events`. */
export function encodeRouterEvents(events: readonly RouterEvent[]): Buffer {
  let sizeBytes = 64;
  for (const { data } of events) {
    sizeBytes += 160 + (data.type === "cleared" ? 0 : data.blockHashes.length * bytesPerBlock);
  }
  const to = new MsgpackWriter(sizeBytes);
  writeRouterEvents(to, events);
  return to.finish();
}

export function writeRouterEvents(to: MsgpackWriter, events: readonly RouterEvent[]): void {
  to.arrayHead(events.length);
  for (const event of events) {
    const { sessionId } = event;
    to.mapHead(sessionId ? 5 : 4);
    to.raw(key.workerId);
    to.bigint(event.workerId);
    to.raw(key.storageTier);
    to.string(event.storageTier);
    to.raw(key.residencyDomain);
    to.string(event.residencyDomain ?? "worker");
    to.raw(key.event);
    to.mapHead(3);
    to.raw(key.eventId);
    to.integer(event.eventId);
    to.raw(key.data);
    writeData(to, event.data);
    to.raw(key.dpRank);
    to.integer(event.dpRank);
    if (sessionId) {
      to.raw(key.sessionId);
      to.string(sessionId);
    }
  }
}

function writeData(to: MsgpackWriter, data: RouterEvent["data"]): void {
  if (data.type === "cleared") {
    to.raw(key.cleared);
    return;
  }
  to.mapHead(1);
  if (data.type === "stored") {
    to.raw(key.stored);
    writeStored(to, data);
    return;
  }
  to.raw(key.removed);
  to.mapHead(1);
  to.raw(key.blockHashes);
  const words = toWords(data.blockHashes);
  to.arrayHead(data.blockHashes.length);
  for (let i = 0; i < words.length; i += 2) to.words(words[i]!, words[i + 1]!, false);
}

function writeStored(to: MsgpackWriter, data: StoredData): void {
  to.mapHead(3);
  to.raw(key.parentHash);
  if (data.parentHash === null) to.nil();
  else to.bigint(data.parentHash);
  to.raw(key.startPosition);
  to.value(data.startPosition ?? null);
  to.raw(key.blocks);
  const ids = toWords(data.blockHashes);
  const locals = toWords(data.tokensHashes);
  to.arrayHead(data.blockHashes.length);
  if (!data.media && ids.length > 0 && areWide(ids) && areWide(locals)) {
    let at = to.repeat(wideBlock, data.blockHashes.length);
    for (let i = 0; i < ids.length; i += 2, at += wideBlock.length) {
      to.patchWord(at + wideIdAt, ids[i + 1]!);
      to.patchWord(at + wideIdAt + 4, ids[i]!);
      to.patchWord(at + wideLocalAt, locals[i + 1]!);
      to.patchWord(at + wideLocalAt + 4, locals[i]!);
    }
    return;
  }
  for (let i = 0; i < ids.length; i += 2) {
    to.mapHead(3);
    to.raw(key.blockHash);
    to.words(ids[i]!, ids[i + 1]!, false);
    to.raw(key.tokensHash);
    to.words(locals[i]!, locals[i + 1]!, false);
    to.raw(key.media);
    const objects = data.media?.[i >> 1] ?? null;
    if (objects === null) to.nil();
    else to.value(toWire(objects));
  }
}

/** Whether every number needs 64 bits. */
function areWide(words: Uint32Array): boolean {
  for (let i = 1; i < words.length; i += 2) if (words[i] === 0) return false;
  return true;
}

function toWire(objects: readonly MediaObject[]): object {
  return { mm_objects: objects.map(({ mmHash, offsets }) => ({ mm_hash: mmHash, offsets })) };
}
