// The engine's thread: loads the model, then serves until it is closed. ONNX Runtime blocks this thread while it computes.
import { parentPort, workerData } from "node:worker_threads";
import { serveEngine } from "@dyn/engine";
import { createGrammarCompiler } from "@dyn/grammar";
import { errorToRecord } from "@dyn/protocol";
import { createOnnxExecutor } from "../executor/create-onnx-executor.ts";
import { defaultScheduling, type OnnxThreadOptions } from "./onnx-engine-options.ts";
import type { StartupMessage } from "./startup-message.ts";

const port = parentPort;
if (port === null) throw new Error("onnx.worker is started by createOnnxEngine, as a thread");
const say = (message: StartupMessage) => port.postMessage(message);
const options = { ...defaultScheduling, ...(workerData as OnnxThreadOptions) };
try {
  const executor = await createOnnxExecutor({
    ...options,
    onLoadPhase: (phase) => say({ type: "loadPhase", phase }),
  });
  const grammars = createGrammarCompiler({
    vocabulary: { tokenizerDirectory: options.tokenizerDirectory ?? options.modelDirectory },
    vocabSize: executor.info.vocabSize,
  });
  await serveEngine(executor, port, { ...options, grammars });
  await grammars.close();
} catch (error) {
  say({ type: "startFailed", error: errorToRecord(error) });
}
