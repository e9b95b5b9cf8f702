import { Worker } from "node:worker_threads";

/** Starts a grammar thread, from TypeScript source or from the build. It does not keep the process alive. */
export function startThread(): Worker {
  const worker = import.meta.url.endsWith(".ts")
    ? new Worker(sourceBoot(), { eval: true })
    : new Worker(new URL("./compile/grammar.worker.js", import.meta.url));
  worker.unref();
  return worker;
}

/** Node 20 starts no thread from a .ts file: this text loads tsx first. */
function sourceBoot(): string {
  const entry = new URL("./grammar.worker.ts", import.meta.url);
  const tsx = import.meta.resolve("tsx/esm/api");
  return `import(${JSON.stringify(tsx)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(entry.href)});
  });`;
}
