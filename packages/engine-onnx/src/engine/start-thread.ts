import { type MessagePort, Worker } from "node:worker_threads";

/** The threads of this package, by their files below src/ and dist/. */
type ThreadName = "engine/onnx" | "embedding/embedding";

/** Starts a thread, from TypeScript source or from the build. `port`, a part of `workerData`, goes over to it. */
export function startThread(name: ThreadName, workerData: unknown, port?: unknown): Worker {
  // Only a MessagePort can cross; another one makes the constructor throw.
  const transferList = port === undefined ? [] : [port as MessagePort];
  return import.meta.url.endsWith(".ts")
    ? new Worker(sourceBoot(name), { eval: true, workerData, transferList })
    : new Worker(new URL(`./${name}.worker.js`, import.meta.url), { workerData, transferList });
}

/** Node 20 starts no thread from a .ts file: this text loads tsx first. */
function sourceBoot(name: ThreadName): string {
  const entry = new URL(`../${name}.worker.ts`, import.meta.url);
  const tsx = import.meta.resolve("tsx/esm/api");
  return `import(${JSON.stringify(tsx)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(entry.href)});
  });`;
}
