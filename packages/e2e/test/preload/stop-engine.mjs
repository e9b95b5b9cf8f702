// Loaded before a worker (--import): while the file of DYN_TEST_STOP_FILE is there, the engine's thread stops in the middle
// of a step, where the step makes room for its positions. No message reaches the thread then, as with a driver that hangs.
import { existsSync } from "node:fs";
import { isMainThread, workerData } from "node:worker_threads";

const file = process.env.DYN_TEST_STOP_FILE;
const isEngine = !isMainThread && workerData?.modelDirectory !== undefined;
if (file !== undefined && isEngine) {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const Real = globalThis.BigInt64Array;
  globalThis.BigInt64Array = class extends Real {
    constructor(...args) {
      while (existsSync(file)) Atomics.wait(never, 0, 0, 20);
      super(...args);
    }
  };
}
