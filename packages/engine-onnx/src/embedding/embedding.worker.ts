// The embedding thread: loads the model, then answers batch by batch until it is closed. ONNX Runtime blocks it while it computes.
import { parentPort, workerData } from "node:worker_threads";
import { errorToRecord } from "@dyn/protocol";
import type { MessageFromEmbedder, MessageToEmbedder } from "./embedding-messages.ts";
import { type EmbeddingModelOptions, loadEmbeddingModel } from "./load-embedding-model.ts";

const port = parentPort;
if (port === null)
  throw new Error("embedding.worker is started by createOnnxEmbeddingEngine, as a thread");
const say = (message: MessageFromEmbedder, transfer: ArrayBuffer[] = []) =>
  port.postMessage(message, transfer);
try {
  const { info, runner } = await loadEmbeddingModel(workerData as EmbeddingModelOptions, (phase) =>
    say({ type: "loadPhase", phase }),
  );
  port.on("message", (message: MessageToEmbedder) => {
    if (message.type === "close") {
      runner.release();
      port.close();
      return;
    }
    try {
      const vectors = runner.embed(message.batch);
      say({ type: "vectors", vectors }, [vectors.buffer as ArrayBuffer]);
    } catch (error) {
      say({ type: "failed", error: errorToRecord(error) });
    }
  });
  say({ type: "ready", info });
} catch (error) {
  say({ type: "startFailed", error: errorToRecord(error) });
}
