// Loaded before a worker (--import): while the file of DYN_TEST_STOP_FILE is there, the engine's thread stops in the middle
// of a step, where the step makes room for its positions. No message reaches the thread then, as with a driver that hangs.
import { syncBuiltinESMExports } from "node:module";
import threads from "node:worker_threads";

const { Worker } = threads;

/** Runs in the thread, before anything else. */
function stopInStep(file) {
  const { existsSync } = require("node:fs");
  const never = new Int32Array(new SharedArrayBuffer(4));
  globalThis.BigInt64Array = class extends BigInt64Array {
    constructor(...args) {
      while (existsSync(file)) Atomics.wait(never, 0, 0, 20);
      super(...args);
    }
  };
}

// Node runs no --import in a thread that is started from text, as the engine's is from sources.
threads.Worker = class extends Worker {
  constructor(source, options) {
    const isEngine = options?.eval === true && options.workerData?.modelDirectory !== undefined;
    const file = JSON.stringify(process.env.DYN_TEST_STOP_FILE);
    super(isEngine ? `(${stopInStep})(${file});\n${source}` : source, options);
  }
};
syncBuiltinESMExports();
