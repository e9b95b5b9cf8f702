// `get_overlap_scores`: who has how much of a prompt, without choosing.
import type { BlockHasher } from "@dyn/kv-events";
import { InvalidArgumentError, TokenIds } from "@dyn/protocol";
import { z } from "zod";
import type { KvRouter } from "../choice/kv-router.ts";
import { noCachedBlocks } from "../cost/worker-cost.ts";
import { rankKey } from "../load/active-requests.ts";

const u64 = z.union([z.number().int().nonnegative(), z.bigint().nonnegative()]).transform(BigInt);

const Body = z.looseObject({
  token_ids: TokenIds,
  block_mm_infos: z
    .array(z.looseObject({ mm_objects: z.array(z.looseObject({ mm_hash: u64 })) }).nullable())
    .nullish(),
  lora_name: z.string().nullish(),
  include_shared: z.boolean().nullish(),
  cache_namespace: z.string().nullish(),
});

/** As Dynamo 1.6.1 answers it; every rank has a row. Throws an InvalidArgumentError that names the field. */
export function overlapScores(
  body: unknown,
  router: KvRouter,
  workerIds: readonly bigint[],
  hasher: BlockHasher,
): Record<string, unknown> {
  const parsed = Body.safeParse(body);
  if (!parsed.success) {
    throw new InvalidArgumentError(
      `The body is not {token_ids, lora_name?, cache_namespace?, block_mm_infos?}: ${z.prettifyError(parsed.error)}`,
    );
  }
  const { token_ids, block_mm_infos, lora_name, cache_namespace } = parsed.data;
  const hashes = hasher.hashTokens(token_ids, {
    blockSize: router.blockSize,
    loraName: lora_name,
    cacheSalt: cache_namespace,
    blockMmHashes: block_mm_infos?.map(
      (info) => info?.mm_objects.map(({ mm_hash }) => mm_hash) ?? null,
    ),
  });
  const found = router.findCached(hashes);
  const ranks = workerIds.flatMap((workerId) => router.workers.ranks(workerId));
  return {
    block_size: router.blockSize,
    num_blocks: hashes.sequenceHashes.length,
    workers: ranks.map((rank) => {
      const { deviceBlocks, hostBlocks, diskBlocks } = found.get(rankKey(rank)) ?? noCachedBlocks;
      return {
        worker_id: rank.workerId,
        dp_rank: rank.dpRank,
        device_blocks: deviceBlocks,
        host_pinned_blocks: hostBlocks,
        disk_blocks: diskBlocks,
        host_pinned_extension_blocks: hostBlocks - deviceBlocks,
        disk_extension_blocks: diskBlocks - hostBlocks,
        shared_beyond_device_blocks: null,
      };
    }),
    shared_cache: { enabled: false, total_hit_blocks: 0, ranges: [], error: null },
  };
}
