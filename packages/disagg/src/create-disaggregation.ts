// What a worker does to take part: make this first, give `transfer` to the engine, close it after the engine.
import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import type { KvTransfer } from "@dyn/engine";
import { recordToError, UnavailableError } from "@dyn/protocol";
import { completeOptions, type DisaggregationOptions } from "./disaggregation-options.ts";
import type { RoomRecord } from "./rooms/room-record.ts";
import { startThread } from "./thread/start-thread.ts";
import type { MessageFromThread, MessageToThread } from "./thread/thread-messages.ts";

const closeTimeoutMs = 5000;

export interface DisaggregationHooks {
  /** How KV goes where it could go a faster way, and why. */
  readonly onNotice?: (text: string) => void;
  /** Once for each room, when it is over. */
  readonly onRoomEnded?: (record: RoomRecord) => void;
}

export interface Disaggregation {
  /** For the engine's option `kvTransfer`; can be used once. */
  readonly transfer: KvTransfer;
  /** Of the bootstrap server; `null` on the decode side. */
  readonly bootstrapPort: number | null;
  /** Settles with the error when the thread cannot serve any more; the engine then refuses halves of requests. */
  readonly failed: Promise<Error>;
  /** After the engine. What is still open is told to the other side. */
  close(): Promise<void>;
}

/** Starts the thread that moves KV. Throws InvalidArgumentError, or what kept its servers from listening. */
export async function createDisaggregation(
  options: DisaggregationOptions,
  { onNotice, onRoomEnded }: DisaggregationHooks = {},
): Promise<Disaggregation> {
  const full = completeOptions(options);
  const { port1, port2 } = new MessageChannel();
  const worker = startThread(full, port2);
  const exited = once(worker, "exit");
  let onFailure: (error: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    onFailure = resolve;
  });
  const bootstrapPort = await new Promise<number | null>((resolve, reject) => {
    const fail = (error: Error) => {
      onFailure(error);
      reject(error);
    };
    worker.on("message", (message: MessageFromThread) => {
      if (message.type === "ready") resolve(message.bootstrapPort);
      else if (message.type === "notice") onNotice?.(message.text);
      else if (message.type === "roomEnded") onRoomEnded?.(message.record);
      else fail(recordToError(message.error));
    });
    worker.on("error", fail);
    worker.on("exit", () =>
      fail(
        new UnavailableError("The thread that moves KV ended.", {
          code: "DYN_DISAGG_TRANSFER_GONE",
        }),
      ),
    );
  }).catch(async (error: unknown) => {
    await worker.terminate();
    throw error;
  });
  const { mode, host, transport } = full;
  return {
    transfer: {
      port: port1 as unknown as KvTransfer["port"],
      info: {
        mode,
        bootstrapHost: bootstrapPort === null ? null : host,
        bootstrapPort,
        transports: transport === "auto" ? ["shm", "tcp"] : [transport],
      },
    },
    bootstrapPort,
    failed,
    async close() {
      worker.postMessage({ type: "close" } satisfies MessageToThread);
      const timer = setTimeout(() => void worker.terminate(), closeTimeoutMs);
      await exited;
      clearTimeout(timer);
    },
  };
}
