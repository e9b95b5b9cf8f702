import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { type MessagePort, Worker } from "node:worker_threads";
import type { Engine } from "../contract/engine.ts";
import { connectEngine } from "../thread/connect-engine.ts";
import type { MockThreadOptions } from "./mock-options.ts";

/** A mock engine on a thread of its own. The caller ends the worker after it has closed the engine. */
export async function startMockEngine(
  options: MockThreadOptions = {},
): Promise<{ engine: Engine; worker: Worker }> {
  const port = options.kvTransfer?.port;
  // Only a MessagePort can cross; another one makes the constructor throw.
  const transferList = port === undefined ? [] : [port as MessagePort];
  const start = { workerData: options, transferList };
  const worker = import.meta.url.endsWith(".ts")
    ? new Worker(sourceBoot(), { eval: true, ...start })
    : new Worker(new URL("./mock/mock-engine.worker.js", import.meta.url), start);
  const engine = await connectEngine(worker);
  return { engine, worker };
}

/** Node 20 starts no thread from a .ts file: this text loads tsx first. */
function sourceBoot(): string {
  const entry = new URL("./mock-engine.worker.ts", import.meta.url);
  const home = pathToFileURL(createRequire(import.meta.url).resolve("tsx/package.json"));
  // Not what `require` would get: the CommonJS form fails in a thread of a process that runs under tsx itself.
  const tsx = new URL("./dist/esm/api/index.mjs", home);
  return `import(${JSON.stringify(tsx.href)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(entry.href)});
  });`;
}
