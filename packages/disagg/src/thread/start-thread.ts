import { type MessagePort, Worker } from "node:worker_threads";
import type { FullDisaggregationOptions } from "../disaggregation-options.ts";

/** Starts the thread that moves KV, from TypeScript source or from the build. */
export function startThread(options: FullDisaggregationOptions, port: MessagePort): Worker {
  const start = { workerData: { options, port }, transferList: [port] };
  return import.meta.url.endsWith(".ts")
    ? new Worker(sourceBoot(), { eval: true, ...start })
    : new Worker(new URL("./thread/disagg.worker.js", import.meta.url), start);
}

/** Node 20 starts no thread from a .ts file: this text loads tsx first. */
function sourceBoot(): string {
  const entry = new URL("./disagg.worker.ts", import.meta.url);
  const tsx = import.meta.resolve("tsx/esm/api");
  return `import(${JSON.stringify(tsx)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(entry.href)});
  });`;
}
