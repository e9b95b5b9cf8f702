import type { Engine } from "../contract/engine.ts";
import { createLocalEngine } from "../core/local-engine.ts";
import { MockExecutor } from "./mock-executor.ts";
import type { MockEngineOptions } from "./mock-options.ts";

/**
 * An engine that obeys everything an engine must and computes nothing: for tests, for capacity planning,
 * for trying a deployment on a machine without an accelerator. Runs on the calling thread.
 */
export function createMockEngine(options: MockEngineOptions = {}): Engine {
  return createLocalEngine(new MockExecutor(options), options);
}
