// The thread that moves KV: sockets, shared memory and checksums run here while the engine computes.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { errorToRecord } from "@dyn/protocol";
import type { FullDisaggregationOptions } from "../disaggregation-options.ts";
import { loadMeans } from "../means.ts";
import { serveTransfer } from "./serve-transfer.ts";
import type { MessageFromThread, MessageToThread } from "./thread-messages.ts";

const owner = parentPort;
if (owner === null)
  throw new Error("disagg.worker is started by createDisaggregation, as a thread");
const { options, port } = workerData as { options: FullDisaggregationOptions; port: MessagePort };
const say = (message: MessageFromThread) => owner.postMessage(message);
try {
  const means = await loadMeans((text) => say({ type: "notice", text }));
  const server = await serveTransfer(port, options, means, {
    onFault: (error) => {
      say({ type: "failed", error: errorToRecord(error) });
      port.close();
    },
    onRoomEnded: (record) => say({ type: "roomEnded", record }),
  });
  owner.on("message", (message: MessageToThread) => {
    if (message.type === "close") void server.close().then(() => owner.close());
  });
  say({ type: "ready", bootstrapPort: server.bootstrapPort });
} catch (error) {
  say({ type: "failed", error: errorToRecord(error) });
}
