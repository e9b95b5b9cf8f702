// The server of `pnpm fuzz`, in a process of its own, so that its memory is its own too.
import { startFuzzed } from "./start-fuzzed.ts";

const { deployment, idle } = await startFuzzed();
process.on("message", async (question) => {
  if (question === "memory") {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    process.send!({ rss, heapUsed });
    return;
  }
  await idle();
  process.send!({ idle: true, log: deployment.log.length, lastLog: deployment.log.slice(-3) });
});
process.send!({ url: deployment.url });
// Nobody asks any more.
process.on("disconnect", () => process.exit());
