// An engine's events in the terms of the event plane: tokens become local hashes, media become tiers, the engine's ids
// are carried through. Adjacent events that can be one are merged, as Dynamo 1.6.1's publisher does.
import { toUnsignedIds } from "../codec/block-ids.ts";
import type { EngineBatch, EngineEvent, EngineStored } from "../codec/engine/engine-event.ts";
import { toMmHashes } from "../codec/media-object.ts";
import type { RouterEvent } from "../codec/router/router-event.ts";
import { type StorageTier, toStorageTier } from "../codec/storage-tier.ts";
import type { BlockHasher } from "../hashing/block-hasher.ts";
import { joinEvents } from "./join-events.ts";

export interface ToRouterEventsOptions {
  readonly workerId: bigint;
  /** Of events whose batch names no rank. */
  readonly dpRank: number;
  /** Blocks of another size cannot be matched and are left out. */
  readonly blockSize: number;
  readonly hasher: BlockHasher;
  readonly onProblem?: (message: string) => void;
}

export type UnnumberedEvent = Omit<RouterEvent, "eventId">;

/**
 * What the batch means to routers, without ids: whoever publishes them numbers them from 1.
 * Events of other caches than the one prefixes are matched in, and on media that nobody knows, say nothing.
 */
export function toRouterEvents(
  batch: EngineBatch,
  options: ToRouterEventsOptions,
): UnnumberedEvent[] {
  const events: UnnumberedEvent[] = [];
  for (const event of batch.events) {
    const dpRank = batch.dpRank ?? options.dpRank;
    const translated = translate(event, dpRank, options);
    if (translated === null) continue;
    const last = events.at(-1);
    const joined = last === undefined ? null : joinEvents(last, translated);
    if (joined === null) events.push(translated);
    else events[events.length - 1] = joined;
  }
  return events;
}

function translate(
  event: EngineEvent,
  dpRank: number,
  options: ToRouterEventsOptions,
): UnnumberedEvent | null {
  const { workerId, onProblem } = options;
  if (event.type === "cleared") {
    // A clear of one medium leaves the blocks in the others.
    if (event.medium) return null;
    return { workerId, dpRank, storageTier: "device", data: { type: "cleared" } };
  }
  const storageTier = toStorageTier(event.medium);
  if (storageTier === null || event.groupIndex) return null;
  if (event.type === "removed") {
    const blockHashes = toUnsignedIds(event.blockHashes);
    return { workerId, dpRank, storageTier, data: { type: "removed", blockHashes } };
  }
  if (event.specKind && event.specKind !== "full_attention") return null;
  const ids = toUnsignedIds(event.blockHashes);
  if (namesItself(ids, event.parentBlockHash)) {
    onProblem?.("An engine stored a block under an id twice in one event, or under itself.");
    return null;
  }
  return translateStored(event, ids, { workerId, dpRank, storageTier }, options);
}

function translateStored(
  event: EngineStored,
  ids: BigUint64Array,
  where: { workerId: bigint; dpRank: number; storageTier: StorageTier },
  { blockSize, hasher, onProblem }: ToRouterEventsOptions,
): UnnumberedEvent {
  const isUsable = event.blockSize === blockSize;
  if (!isUsable) {
    onProblem?.(
      `An engine stored blocks of ${event.blockSize} tokens; blocks of ${blockSize} are routed by.`,
    );
  }
  const hashes = isUsable
    ? hasher.hashBlocks(event.tokenIds, {
        blockSize,
        loraName: event.loraName,
        cacheSalt: event.cacheSalt,
        blockMmHashes: toMmHashes(event.media),
        isEagle: event.isEagle,
      })
    : new BigUint64Array(0);
  if (isUsable && hashes.length < ids.length) {
    onProblem?.(`An engine stored ${ids.length} blocks with tokens for ${hashes.length}.`);
  }
  const count = Math.min(hashes.length, ids.length);
  return {
    ...where,
    data: {
      type: "stored",
      parentHash: event.parentBlockHash === null ? null : BigInt.asUintN(64, event.parentBlockHash),
      blockHashes: ids.subarray(0, count),
      tokensHashes: hashes.subarray(0, count),
      media: event.media ?? null,
    },
    ...(event.sessionId ? { sessionId: event.sessionId } : {}),
  };
}

/** Such an event would make a block its own ancestor. */
function namesItself(ids: BigUint64Array, parent: bigint | null): boolean {
  if (ids.length === 1) return parent !== null && ids[0] === BigInt.asUintN(64, parent);
  const seen = new Set(ids);
  return seen.size < ids.length || (parent !== null && seen.has(BigInt.asUintN(64, parent)));
}
