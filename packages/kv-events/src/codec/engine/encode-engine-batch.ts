// An engine's batch as SGLang writes it: a map per event from 0.5.20 on, an array up to 0.5.19.
import { toUnsignedIds, toWords } from "../block-ids.ts";
import { msgpackKey } from "../msgpack/msgpack-key.ts";
import { MsgpackWriter } from "../msgpack/msgpack-writer.ts";
import type { EngineBatch, EngineEvent, EngineStored } from "./engine-event.ts";

/** How events are spelled. */
export type EngineEncoding = "map" | "array";

const key = {
  type: msgpackKey("type"),
  blockHashes: msgpackKey("block_hashes"),
  parentBlockHash: msgpackKey("parent_block_hash"),
  tokenIds: msgpackKey("token_ids"),
  blockSize: msgpackKey("block_size"),
  loraId: msgpackKey("lora_id"),
  medium: msgpackKey("medium"),
  loraName: msgpackKey("lora_name"),
  cacheSalt: msgpackKey("cache_salt"),
  sessionId: msgpackKey("session_id"),
};
const tag = {
  stored: msgpackKey("BlockStored"),
  removed: msgpackKey("BlockRemoved"),
  cleared: msgpackKey("AllBlocksCleared"),
};

/** An event without a medium is written as one on the GPU; `null` leaves it out. */
export function encodeEngineBatch(batch: EngineBatch, encoding: EngineEncoding = "map"): Buffer {
  const to = new MsgpackWriter();
  to.arrayHead(3);
  to.float64(batch.timestamp);
  to.arrayHead(batch.events.length);
  for (const event of batch.events) {
    if (encoding === "map") writeMap(to, event);
    else writeArray(to, event);
  }
  if (batch.dpRank === null) to.nil();
  else to.integer(batch.dpRank);
  return to.finish();
}

function writeMap(to: MsgpackWriter, event: EngineEvent): void {
  const medium = event.type === "cleared" ? null : mediumOf(event);
  const mediumKeys = medium === null ? 0 : 1;
  if (event.type === "stored") {
    const { loraName, cacheSalt, sessionId } = event;
    const optional = [loraName, cacheSalt, sessionId].filter(isSet).length;
    to.mapHead(6 + mediumKeys + optional);
    to.raw(key.type);
    to.raw(tag.stored);
    to.raw(key.blockHashes);
    writeIds(to, event.blockHashes);
    to.raw(key.parentBlockHash);
    writeParent(to, event);
    to.raw(key.tokenIds);
    writeTokens(to, event);
    to.raw(key.blockSize);
    to.integer(event.blockSize);
    to.raw(key.loraId);
    to.nil();
    writeOptional(to, key.medium, medium);
    writeOptional(to, key.loraName, loraName);
    writeOptional(to, key.cacheSalt, cacheSalt);
    writeOptional(to, key.sessionId, sessionId);
  } else if (event.type === "removed") {
    to.mapHead(2 + mediumKeys);
    to.raw(key.type);
    to.raw(tag.removed);
    to.raw(key.blockHashes);
    writeIds(to, event.blockHashes);
    writeOptional(to, key.medium, medium);
  } else {
    to.mapHead(1);
    to.raw(key.type);
    to.raw(tag.cleared);
  }
}

function writeArray(to: MsgpackWriter, event: EngineEvent): void {
  if (event.type === "stored") {
    const { loraName, cacheSalt } = event;
    to.arrayHead(isSet(cacheSalt) || isSet(loraName) ? 8 : 7);
    to.raw(tag.stored);
    writeIds(to, event.blockHashes);
    writeParent(to, event);
    writeTokens(to, event);
    to.integer(event.blockSize);
    to.nil();
    writeMedium(to, mediumOf(event));
    if (isSet(cacheSalt)) to.value({ lora_name: loraName ?? undefined, cache_salt: cacheSalt });
    else if (isSet(loraName)) to.string(loraName);
  } else if (event.type === "removed") {
    to.arrayHead(3);
    to.raw(tag.removed);
    writeIds(to, event.blockHashes);
    writeMedium(to, mediumOf(event));
  } else {
    to.arrayHead(1);
    to.raw(tag.cleared);
  }
}

function isSet(value: string | null | undefined): value is string {
  return value !== null && value !== undefined;
}

function mediumOf(event: { readonly medium?: string | null }): string | null {
  return event.medium === undefined ? "GPU" : event.medium;
}

function writeMedium(to: MsgpackWriter, medium: string | null): void {
  if (medium === null) to.nil();
  else to.string(medium);
}

function writeOptional(
  to: MsgpackWriter,
  name: Uint8Array,
  value: string | null | undefined,
): void {
  if (!isSet(value)) return;
  to.raw(name);
  to.string(value);
}

function writeParent(to: MsgpackWriter, event: EngineStored): void {
  if (event.parentBlockHash === null) to.nil();
  else to.bigint(BigInt.asIntN(64, event.parentBlockHash));
}

function writeIds(to: MsgpackWriter, ids: EngineStored["blockHashes"]): void {
  const words = toWords(toUnsignedIds(ids));
  to.arrayHead(words.length / 2);
  for (let i = 0; i < words.length; i += 2) {
    to.words(words[i]!, words[i + 1]!, words[i + 1]! >= 0x8000_0000);
  }
}

/** EAGLE's tokens are written as pairs of neighbours. */
function writeTokens(to: MsgpackWriter, { tokenIds, isEagle }: EngineStored): void {
  if (!isEagle) {
    to.arrayHead(tokenIds.length);
    for (let i = 0; i < tokenIds.length; i++) to.words(tokenIds[i]!, 0, false);
    return;
  }
  to.arrayHead(Math.max(0, tokenIds.length - 1));
  for (let i = 1; i < tokenIds.length; i++) {
    to.arrayHead(2);
    to.words(tokenIds[i - 1]!, 0, false);
    to.words(tokenIds[i]!, 0, false);
  }
}
