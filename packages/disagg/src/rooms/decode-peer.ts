// A prefill engine as the decode side sees it: one connection, over which all rooms of the pair go.

import { connect } from "node:net";
import { crc32 } from "node:zlib";
import type { KvLayout } from "@dyn/engine";
import { type ErrorRecord, recordToError } from "@dyn/protocol";
import { checksumMismatch, prefillUnreachable, protocolFault } from "../disagg-errors.ts";
import type { FullDisaggregationOptions } from "../disaggregation-options.ts";
import { PeerConnection } from "../transport/peer-connection.ts";
import {
  type DecodeMessage,
  type PrefillMessage,
  prefillMessageSchema,
  protocolVersion,
} from "../transport/peer-messages.ts";
import { RunBuffers } from "../transport/run-buffers.ts";
import { type CreatedSegment, createSegment } from "../transport/shared-segment.ts";

export interface ReceivedRun {
  readonly start: number;
  readonly count: number;
  /** May be longer than what is in it. */
  readonly bytes: ArrayBuffer;
  readonly sizeBytes: number;
}

export interface DecodePeerHooks {
  /** The bytes are given back by `consumed`. */
  run(room: bigint, run: ReceivedRun, slot: number | null): void;
  /** The run came damaged: nothing of it is given on. */
  damaged(room: bigint, error: Error): void;
  handOver(room: bigint, message: PrefillMessage & { type: "handOver" }): void;
  aborted(room: bigint, end: "cancelled" | "expired" | "failed", error: ErrorRecord): void;
  closed(peer: DecodePeer, error: Error): void;
}

export class DecodePeer {
  readonly key: string;
  readonly #hooks: DecodePeerHooks;
  readonly #connection: PeerConnection<PrefillMessage, DecodeMessage>;
  readonly #buffers: RunBuffers;
  readonly #segment: CreatedSegment | null;
  readonly #welcomeTimer: NodeJS.Timeout;
  /** Rooms that are open over it. */
  roomCount = 0;
  idleSinceMs = performance.now();

  constructor(options: {
    host: string;
    port: number;
    layout: KvLayout;
    options: FullDisaggregationOptions;
    hooks: DecodePeerHooks;
  }) {
    const { host, port, layout, options: settings } = options;
    this.key = `${host}:${port}`;
    this.#hooks = options.hooks;
    const runBytes = Math.max(settings.runBytes, layout.bytesPerToken);
    // One more than may be on their way: the one that is being read.
    this.#buffers = new RunBuffers(runBytes, settings.window + 1);
    this.#segment = settings.transport === "tcp" ? null : createSegment(runBytes, settings.window);
    this.#connection = new PeerConnection({
      socket: connect({ host, port }),
      heartbeatMs: settings.heartbeatMs,
      schema: prefillMessageSchema,
      maxPayloadBytes: () => runBytes,
      allocate: () => this.#take(),
      onMessage: (message, payload) => this.#receive(message, payload),
      onClose: (error) => {
        clearTimeout(this.#welcomeTimer);
        this.#segment?.unlink();
        this.#segment?.file.close();
        this.#hooks.closed(this, error);
      },
    });
    this.#welcomeTimer = setTimeout(() => {
      const why = `no answer within ${settings.connectTimeoutMs} ms`;
      this.close(prefillUnreachable(this.key, why));
    }, settings.connectTimeoutMs);
    this.#connection.send({
      type: "hello",
      version: protocolVersion,
      layout,
      transport: settings.transport,
      segment: this.#segment?.description ?? null,
      window: settings.window,
      runBytes,
    });
  }

  send(message: DecodeMessage): void {
    this.#connection.send(message);
  }

  /** The engine is done with the bytes of a run. */
  consumed(bytes: ArrayBuffer, slot: number | null): void {
    this.#buffers.give(bytes);
    this.send({ type: "credit", slot });
  }

  close(error: Error): void {
    this.#connection.close(error);
  }

  #receive(message: PrefillMessage, payload: ArrayBuffer | null): void {
    switch (message.type) {
      case "welcome":
        clearTimeout(this.#welcomeTimer);
        this.#segment?.unlink();
        break;
      case "refuse":
        this.close(recordToError(message.error));
        break;
      case "run":
        this.#run(message, payload);
        break;
      case "handOver":
        this.#hooks.handOver(BigInt(message.room), message);
        break;
      case "abort":
        this.#hooks.aborted(BigInt(message.room), message.end, message.error);
        break;
      default:
        break;
    }
  }

  #run(message: PrefillMessage & { type: "run" }, payload: ArrayBuffer | null): void {
    const { start, count, sizeBytes, slot } = message;
    const room = BigInt(message.room);
    const bytes = payload ?? this.#take();
    if (sizeBytes > bytes.byteLength) {
      this.close(protocolFault(`a run of ${sizeBytes} bytes came where ${bytes.byteLength} fit`));
      return;
    }
    const view = new Uint8Array(bytes, 0, sizeBytes);
    if (payload === null) {
      if (slot === null || this.#segment === null) {
        this.close(protocolFault("a run came without its bytes"));
        return;
      }
      this.#segment.file.read(slot, view);
    }
    if (crc32(view) !== message.crc) {
      this.consumed(bytes, slot);
      this.#hooks.damaged(room, checksumMismatch(room, start, count));
      return;
    }
    this.#hooks.run(room, { start, count, bytes, sizeBytes }, slot);
  }

  #take(): ArrayBuffer {
    const buffer = this.#buffers.take();
    if (buffer === null) throw protocolFault("more runs came than were allowed");
    return buffer;
  }
}
