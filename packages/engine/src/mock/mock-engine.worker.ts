// The thread of a mock engine.
import { parentPort, workerData } from "node:worker_threads";
import { serveEngine } from "../thread/serve-engine.ts";
import { MockExecutor } from "./mock-executor.ts";
import type { MockThreadOptions } from "./mock-options.ts";

const options = workerData as MockThreadOptions;
await serveEngine(new MockExecutor(options), parentPort!, options);
