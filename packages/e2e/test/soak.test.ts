// The short form of `pnpm soak:agg`.
import { expect, test } from "vitest";
import { soak } from "../src/soak.ts";
import { startLaunch } from "../src/start-program.ts";

test.runIf(process.platform === "linux")(
  "64 clients that come, ask and leave at random cost nothing that stays",
  async () => {
    const program = await startLaunch(["agg"]);
    try {
      const result = await soak({
        url: program.ready,
        systemUrl: program.systemUrl,
        pid: program.process.pid!,
        model: "dyn-tiny-chat",
        concurrency: 64,
        durationMs: 8_000,
        seed: 20_261_123,
      });
      expect(result.errors).toEqual([]);
      expect(result.completed).toBeGreaterThan(20);
      expect(result.aborted).toBeGreaterThan(5);
      expect(result.load).toEqual({ running: 0, waiting: 0, pagesUsed: 0 });
    } finally {
      await program.stop();
    }
  },
);
