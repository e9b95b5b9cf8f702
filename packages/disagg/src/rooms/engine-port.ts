import type { MessageFromKvTransfer, MessageToKvTransfer } from "@dyn/engine";

/** The engine's end of the port, as this side sees it. A MessagePort is one. */
export interface EnginePort {
  postMessage(message: MessageFromKvTransfer, transfer?: readonly ArrayBuffer[]): void;
  on(event: "message", listener: (message: MessageToKvTransfer) => void): unknown;
  on(event: "close", listener: () => void): unknown;
  close(): void;
}
