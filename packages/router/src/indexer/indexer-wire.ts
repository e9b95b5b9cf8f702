// `kv_indexer_query` as Dynamo 1.6.1 speaks it: local hashes in, blocks by worker and tier out.
import type { WorkerOverlap } from "@dyn/kv-events";
import { InvalidArgumentError, UnavailableError } from "@dyn/protocol";
import { z } from "zod";

const u64 = z
  .union([z.number().int().nonnegative(), z.bigint().nonnegative()])
  .transform((value) => BigInt.asUintN(64, BigInt(value)));
const blocks = z
  .union([z.number().int().nonnegative(), z.bigint().nonnegative()])
  .transform(Number);

const Query = z.looseObject({
  model_name: z.string(),
  /** Local hashes of the prompt's complete blocks. */
  block_hashes: z.array(u64).max(1_000_000),
  device_only: z.boolean().nullish(),
});

const Worker = z.looseObject({ worker_id: u64, dp_rank: blocks.nullish() });
const Scores = z.array(z.tuple([Worker, blocks]));
const Answer = z.looseObject({
  TieredScores: z
    .looseObject({
      device: z.looseObject({ scores: Scores }),
      lower_tier: z.array(z.tuple([z.string(), z.looseObject({ hits: Scores })])).default([]),
    })
    .optional(),
  Error: z.string().optional(),
});

export interface IndexerQuery {
  readonly model: string;
  readonly localHashes: BigUint64Array;
  readonly isDeviceOnly: boolean;
}

export const indexerEndpoint = "kv_indexer_query";

export function queryToWire({ model, localHashes, isDeviceOnly }: IndexerQuery) {
  return { model_name: model, block_hashes: [...localHashes], device_only: isDeviceOnly };
}

/** Throws an InvalidArgumentError that names the field. */
export function wireToQuery(value: unknown): IndexerQuery {
  const parsed = Query.safeParse(value);
  if (!parsed.success) {
    throw new InvalidArgumentError(
      `The query is not {model_name, block_hashes: [u64]}: ${z.prettifyError(parsed.error)}`,
    );
  }
  const { model_name: model, block_hashes: hashes, device_only: isDeviceOnly } = parsed.data;
  return { model, localHashes: BigUint64Array.from(hashes), isDeviceOnly: isDeviceOnly ?? false };
}

export function overlapsToWire(overlaps: readonly WorkerOverlap[], isDeviceOnly: boolean) {
  const hits = (count: (overlap: WorkerOverlap) => number) =>
    overlaps.flatMap((overlap) => {
      const { workerId, dpRank } = overlap;
      return count(overlap) > 0 ? [[{ worker_id: workerId, dp_rank: dpRank }, count(overlap)]] : [];
    });
  // A lower tier tells how far it continues what lies above it.
  const host = hits((it) => it.hostBlocks - it.deviceBlocks);
  const disk = hits((it) => it.diskBlocks - it.hostBlocks);
  const lower = [
    ["host_pinned", { hits: host }],
    ["disk", { hits: disk }],
  ] as const;
  return {
    TieredScores: {
      device: { scores: hits((it) => it.deviceBlocks), frequencies: [] },
      lower_tier: isDeviceOnly ? [] : lower.filter(([, tier]) => tier.hits.length > 0),
    },
  };
}

/** Throws when the indexer refused, or said what cannot be read. */
export function wireToOverlaps(value: unknown): WorkerOverlap[] {
  const parsed = Answer.safeParse(value);
  const tiers = parsed.data?.TieredScores;
  if (tiers === undefined) {
    const refusal = parsed.data?.Error;
    throw new UnavailableError(
      refusal === undefined
        ? `An indexer's answer has no TieredScores that can be read. ${parsed.error ? z.prettifyError(parsed.error) : ""}`
        : `The indexer refused: ${refusal}`,
      { code: "DYN_ROUTER_INDEXER_ANSWER" },
    );
  }
  const found = new Map<string, { -readonly [K in keyof WorkerOverlap]: WorkerOverlap[K] }>();
  const at = ({ worker_id: workerId, dp_rank: rank }: z.output<typeof Worker>) => {
    const dpRank = rank ?? 0;
    const key = `${workerId}:${dpRank}`;
    const known = found.get(key);
    if (known !== undefined) return known;
    const fresh = { workerId, dpRank, deviceBlocks: 0, hostBlocks: 0, diskBlocks: 0 };
    found.set(key, fresh);
    return fresh;
  };
  for (const [worker, count] of tiers.device.scores) {
    Object.assign(at(worker), { deviceBlocks: count, hostBlocks: count, diskBlocks: count });
  }
  for (const [tier, { hits }] of tiers.lower_tier) {
    for (const [worker, count] of hits) {
      const overlap = at(worker);
      if (tier === "host_pinned") overlap.hostBlocks += count;
      overlap.diskBlocks += count;
    }
  }
  return [...found.values()];
}
