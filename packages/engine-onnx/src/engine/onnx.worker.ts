// The engine's thread: loads the model, then serves until it is closed. ONNX Runtime blocks this thread while it computes.
import { parentPort, workerData } from "node:worker_threads";
import { serveEngine } from "@dyn/engine";
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
  await serveEngine(executor, port, options);
} catch (error) {
  say({ type: "startFailed", error: errorToRecord(error) });
}
