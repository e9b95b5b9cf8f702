import type { StoredData } from "../codec/router/router-event.ts";
import type { UnnumberedEvent } from "./to-router-events.ts";

/** Blocks that one stored event may reach by joining. */
const maxStoredBlocks = 128;

/** Both events as one, or `null`: a fork, another tier or rank, a clear, or too long. */
export function joinEvents(first: UnnumberedEvent, next: UnnumberedEvent): UnnumberedEvent | null {
  if (first.storageTier !== next.storageTier || first.dpRank !== next.dpRank) return null;
  if (first.sessionId !== next.sessionId) return null;
  if (first.data.type === "removed" && next.data.type === "removed") {
    return {
      ...first,
      data: { type: "removed", blockHashes: join(first.data.blockHashes, next.data.blockHashes) },
    };
  }
  if (first.data.type !== "stored" || next.data.type !== "stored") return null;
  const data = joinStored(first.data, next.data);
  return data === null ? null : { ...first, data };
}

function joinStored(first: StoredData, next: StoredData): StoredData | null {
  const { blockHashes } = first;
  const length = blockHashes.length + next.blockHashes.length;
  if (blockHashes.length === 0 || next.blockHashes.length === 0) return null;
  if (length > maxStoredBlocks || next.parentHash !== blockHashes.at(-1)) return null;
  const hasMedia = Boolean(first.media ?? next.media);
  return {
    type: "stored",
    parentHash: first.parentHash,
    blockHashes: join(blockHashes, next.blockHashes),
    tokensHashes: join(first.tokensHashes, next.tokensHashes),
    media: hasMedia ? Array.from({ length }, (_, i) => mediaAt(first, next, i)) : null,
  };
}

function mediaAt(first: StoredData, next: StoredData, i: number) {
  const ownCount = first.blockHashes.length;
  return (i < ownCount ? first.media?.[i] : next.media?.[i - ownCount]) ?? null;
}

function join(first: BigUint64Array, next: BigUint64Array): BigUint64Array {
  const joined = new BigUint64Array(first.length + next.length);
  joined.set(first);
  joined.set(next, first.length);
  return joined;
}
