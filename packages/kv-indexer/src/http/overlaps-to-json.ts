import type { WorkerOverlap } from "@dyn/kv-events";

/** Figures are tokens; worker ids are keys, so that none loses digits. */
export function overlapsToJson(overlaps: readonly WorkerOverlap[], blockSize: number) {
  const scores: Record<string, Record<string, number>> = {};
  const instances: Record<
    string,
    { longest_matched: number; gpu: number; dp: Record<string, number>; cpu: number; disk: number }
  > = {};
  for (const { workerId, dpRank, deviceBlocks, hostBlocks, diskBlocks } of overlaps) {
    const worker = workerId.toString();
    const gpu = deviceBlocks * blockSize;
    const instance = instances[worker] ?? { longest_matched: 0, gpu: 0, dp: {}, cpu: 0, disk: 0 };
    instances[worker] = instance;
    instance.longest_matched = Math.max(instance.longest_matched, diskBlocks * blockSize);
    instance.gpu = Math.max(instance.gpu, gpu);
    instance.cpu = Math.max(instance.cpu, hostBlocks * blockSize);
    instance.disk = Math.max(instance.disk, diskBlocks * blockSize);
    if (gpu === 0) continue;
    instance.dp[dpRank] = gpu;
    scores[worker] = { ...scores[worker], [dpRank]: gpu };
  }
  return { scores, frequencies: [], instances };
}
