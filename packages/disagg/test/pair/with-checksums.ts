import type { Executor, KvStore } from "@dyn/engine";
import { crc32cBitByBit } from "./crc32c-bit-by-bit.ts";

/** The same executor, whose KV store answers with the checksum of what it moved. */
export function withChecksums(executor: Executor & { readonly kv: KvStore }): Executor {
  const { info, kv } = executor;
  return {
    info,
    step: (batch) => executor.step(batch),
    releaseSequence: (id) => executor.releaseSequence(id),
    releaseWeights: () => executor.releaseWeights(),
    resumeWeights: () => executor.resumeWeights(),
    close: () => executor.close(),
    kv: {
      layout: kv.layout,
      computesCrc32c: true,
      async exportTokens(pages, start, count, bytes) {
        await kv.exportTokens(pages, start, count, bytes);
        return crc32cBitByBit(bytes);
      },
      async importTokens(pages, start, count, bytes) {
        await kv.importTokens(pages, start, count, bytes);
        return crc32cBitByBit(bytes);
      },
    },
  };
}
