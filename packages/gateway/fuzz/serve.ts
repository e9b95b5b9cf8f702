// The server of `pnpm fuzz`, in a process of its own, so that its memory is its own too.
import { isIdle, startDeployment, until } from "../test/support/deployment.ts";

const deployment = await startDeployment({
  engine: { contextLength: 512 },
  settings: { anthropicApi: true, streamingDispatch: { calls: true, reasoning: true } },
  card: {
    runtimeConfig: { toolCallParser: "hermes", reasoningParser: "qwen3", boundsThinking: true },
  },
});
process.on("message", async (question) => {
  if (question === "memory") {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    process.send!({ rss, heapUsed });
    return;
  }
  await until(() => isIdle(deployment.engine), "an idle engine");
  process.send!({ idle: true, log: deployment.log.length, lastLog: deployment.log.slice(-3) });
});
process.send!({ url: deployment.url });
// Nobody asks any more.
process.on("disconnect", () => process.exit());
