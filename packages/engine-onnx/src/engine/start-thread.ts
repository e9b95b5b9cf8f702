import { type MessagePort, Worker } from "node:worker_threads";
import type { OnnxThreadOptions } from "./onnx-engine-options.ts";

/** Starts the engine's thread, from TypeScript source or from the build. */
export function startThread(workerData: OnnxThreadOptions): Worker {
  const port = workerData.kvTransfer?.port;
  // Only a MessagePort can cross; another one makes the constructor throw.
  const transferList = port === undefined ? [] : [port as MessagePort];
  return import.meta.url.endsWith(".ts")
    ? new Worker(sourceBoot(), { eval: true, workerData, transferList })
    : new Worker(new URL("./engine/onnx.worker.js", import.meta.url), { workerData, transferList });
}

/** Node 20 starts no thread from a .ts file: this text loads tsx first. */
function sourceBoot(): string {
  const entry = new URL("./onnx.worker.ts", import.meta.url);
  const tsx = import.meta.resolve("tsx/esm/api");
  return `import(${JSON.stringify(tsx)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(entry.href)});
  });`;
}
