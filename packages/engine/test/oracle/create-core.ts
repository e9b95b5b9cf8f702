import { MockExecutor, type MockExecutorOptions } from "@dyn/engine";
import { EngineCore } from "../../src/core/engine-core.ts";
import type { EngineOptions } from "../../src/core/engine-options.ts";
import { CheckedExecutor } from "./checked-executor.ts";
import { Listener } from "./drive.ts";

/** A core over a mock that checks every batch against the contract. */
export function createCore(options: MockExecutorOptions & EngineOptions = {}) {
  const executor = new CheckedExecutor(new MockExecutor({ vocabSize: 1000, ...options }));
  const core = new EngineCore(executor, options);
  executor.core = core;
  return { core, executor, heard: new Listener(core) };
}
