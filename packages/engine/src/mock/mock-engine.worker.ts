// The thread of a mock engine.
import { parentPort, workerData } from "node:worker_threads";
import { createGrammarCompiler } from "@dyn/grammar";
import { serveEngine } from "../thread/serve-engine.ts";
import { MockExecutor } from "./mock-executor.ts";
import type { MockThreadOptions } from "./mock-options.ts";

const options = workerData as MockThreadOptions;
const executor = new MockExecutor(options);
const { tokenizerDirectory } = options;
const grammars =
  tokenizerDirectory === undefined
    ? undefined
    : createGrammarCompiler({
        vocabulary: { tokenizerDirectory },
        vocabSize: executor.info.vocabSize,
      });
await serveEngine(executor, parentPort!, {
  ...options,
  ...(grammars === undefined ? {} : { grammars }),
});
await grammars?.close();
