import { toSignedWords } from "../codec/block-ids.ts";
import type { RouterEvent } from "../codec/router/router-event.ts";
import { storageTiers } from "../codec/storage-tier.ts";
import type { BlockForest } from "./block-forest.ts";
import { entryWord, join, nodeWord, recordWords, slotShift } from "./block-records.ts";
import { chunkBits, chunkMask } from "./record-pool.ts";
import type { WorkerLife } from "./worker-life.ts";

/**
 * Events that build the blocks of the chosen workers again. Gaps are stored and removed again at the end, so that what
 * lies below them has a parent.
 */
export function dumpForest(
  forest: BlockForest,
  isWanted: (life: WorkerLife) => boolean,
): RouterEvent[] {
  const { entries, nodes } = forest;
  const firstChild = new Uint32Array(entries.end);
  const sibling = new Uint32Array(entries.end);
  const roots: number[] = [];
  const isWantedSlot = Array.from({ length: forest.slotEnd }, (_, slot) => {
    const life = forest.life(slot);
    return life !== null && !life.isOver && isWanted(life);
  });
  for (let entry = 1; entry < entries.end; entry++) {
    const words = entries.chunks[entry >>> chunkBits]!;
    const at = (entry & chunkMask) * recordWords;
    if (words[at + entryWord.node] === 0) continue;
    if (!isWantedSlot[words[at + entryWord.meta]! >>> slotShift]) continue;
    const parent = words[at + entryWord.parent]!;
    if (parent === 0) roots.push(entry);
    else {
      sibling[entry] = firstChild[parent]!;
      firstChild[parent] = entry;
    }
  }
  const events: RouterEvent[] = [];
  const gaps: number[] = [];
  const run: number[] = [];
  const open = roots;
  while (open.length > 0) {
    // An unbranched run of blocks in the same tiers.
    let entry = open.pop()!;
    const tiers = forest.tiers(entry);
    run.length = 0;
    for (;;) {
      run.push(entry);
      const child = firstChild[entry]!;
      if (child === 0) break;
      if (sibling[child] !== 0 || forest.tiers(child) !== tiers) {
        for (let each = child; each !== 0; each = sibling[each]!) open.push(each);
        break;
      }
      entry = child;
    }
    if (tiers === 0) for (const gap of run) gaps.push(gap);
    const { workerId, dpRank } = forest.lifeOf(entry);
    const data = storedData(run);
    for (const [bit, storageTier] of storageTiers.entries()) {
      // A gap stands on the device until it is removed below.
      if (((tiers || 1) & (1 << bit)) === 0) continue;
      events.push({ workerId, dpRank, storageTier, eventId: events.length, data });
    }
  }
  for (const gap of gaps) {
    const { workerId, dpRank } = forest.lifeOf(gap);
    const blockHashes = new BigUint64Array(1);
    toSignedWords(blockHashes).set([entries.get(gap, 0), entries.get(gap, 1)]);
    const data = { type: "removed", blockHashes } as const;
    events.push({ workerId, dpRank, storageTier: "device", eventId: events.length, data });
  }
  return events;

  function storedData(run: readonly number[]): RouterEvent["data"] {
    const blockHashes = new BigUint64Array(run.length);
    const tokensHashes = new BigUint64Array(run.length);
    const ids = toSignedWords(blockHashes);
    const locals = toSignedWords(tokensHashes);
    for (let i = 0; i < run.length; i++) {
      const entry = run[i]!;
      const words = entries.chunks[entry >>> chunkBits]!;
      const at = (entry & chunkMask) * recordWords;
      ids[2 * i] = words[at]!;
      ids[2 * i + 1] = words[at + 1]!;
      const node = words[at + entryWord.node]!;
      const nodeWords = nodes.chunks[node >>> chunkBits]!;
      const nodeAt = (node & chunkMask) * recordWords + nodeWord.local;
      locals[2 * i] = nodeWords[nodeAt]!;
      locals[2 * i + 1] = nodeWords[nodeAt + 1]!;
    }
    const parent = entries.get(run[0]!, entryWord.parent);
    const parentHash = parent === 0 ? null : join(entries.get(parent, 0), entries.get(parent, 1));
    return { type: "stored", parentHash, blockHashes, tokensHashes };
  }
}
