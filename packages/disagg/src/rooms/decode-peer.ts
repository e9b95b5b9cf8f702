// A prefill engine as the decode side sees it: one connection, over which all rooms of the pair go.

import type { KvLayout } from "@dyn/engine";
import { type ErrorRecord, recordToError } from "@dyn/protocol";
import type { ChecksumName } from "../checksum/checksums.ts";
import type { Checksum } from "../checksum/create-crc32c.ts";
import { prefillUnreachable, protocolFault } from "../disagg-errors.ts";
import type { FullDisaggregationOptions } from "../disaggregation-options.ts";
import type { Means } from "../means.ts";
import { isMapped } from "../memory/process-memory.ts";
import { MappedSlots } from "../transport/mapped-slots.ts";
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
  /** For the engine to compare; `null`: it is checked. */
  readonly crc32c: number | null;
}

export interface DecodePeerHooks {
  /** How the KV of this pair goes, where it could have been better. */
  notice(text: string): void;
  /** The bytes are given back by `consumed`. */
  run(room: bigint, run: ReceivedRun, slot: number | null): void;
  /** The run came damaged: nothing of it is given on. */
  damaged(room: bigint, start: number, count: number): void;
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
  readonly #whyNoSegment: string | null;
  readonly #means: Means;
  readonly #transport: "shm" | "tcp" | "auto";
  #checksum: Checksum | null = null;
  #checksumName: ChecksumName | null = null;
  readonly #checksRuns: boolean;
  readonly #welcomeTimer: NodeJS.Timeout;
  /** Rooms that are open over it. */
  roomCount = 0;
  idleSinceMs = performance.now();

  constructor(options: {
    host: string;
    port: number;
    layout: KvLayout;
    /** Where false, the engine compares CRC-32C; other checksums are always compared here. */
    checksRuns: boolean;
    options: FullDisaggregationOptions;
    means: Means;
    hooks: DecodePeerHooks;
  }) {
    const { host, port, layout, options: settings, means } = options;
    this.key = `${host}:${port}`;
    this.#hooks = options.hooks;
    this.#checksRuns = options.checksRuns;
    const runBytes = Math.max(settings.runBytes, layout.bytesPerToken);
    // One more than may be on their way: the one that is being read.
    this.#buffers = new RunBuffers(runBytes, settings.window + 1);
    this.#means = means;
    this.#transport = settings.transport;
    const segment =
      settings.transport === "tcp"
        ? "the decode engine is set to tcp"
        : createSegment(runBytes, settings.window, means.memory);
    this.#segment = typeof segment === "string" ? null : segment;
    this.#whyNoSegment = typeof segment === "string" ? segment : null;
    if (this.#whyNoSegment !== null && settings.transport === "shm") {
      this.#hooks.notice(`KV from ${this.key} cannot come over shm: ${this.#whyNoSegment}.`);
    }
    this.#connection = new PeerConnection({
      socket: { host, port },
      peerTimeoutMs: settings.peerTimeoutMs,
      schema: prefillMessageSchema,
      maxPayloadBytes: () => runBytes,
      allocate: () => this.#take(),
      onMessage: (message, payload) => this.#receive(message, payload),
      onClose: (error) => {
        clearTimeout(this.#welcomeTimer);
        this.#segment?.unlink();
        this.#segment?.slots.close();
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
      checksums: [...means.checksums.keys()],
    });
  }

  send(message: DecodeMessage): void {
    this.#connection.send(message);
  }

  /** The engine is done with the bytes of a run. */
  consumed(bytes: ArrayBuffer, slot: number | null): void {
    if (!isMapped(bytes)) {
      this.#buffers.give(bytes);
      this.send({ type: "credit", slot });
      return;
    }
    const slots = this.#segment?.slots;
    const home = slots instanceof MappedSlots ? slots.put(bytes) : null;
    if (home !== null) this.send({ type: "credit", slot: home });
  }

  close(error: Error): void {
    this.#connection.close(error);
  }

  #receive(message: PrefillMessage, payload: ArrayBuffer | null): void {
    switch (message.type) {
      case "welcome":
        clearTimeout(this.#welcomeTimer);
        this.#segment?.unlink();
        this.#welcome(message);
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

  #welcome({ transport, whyTcp, checksum }: PrefillMessage & { type: "welcome" }): void {
    this.#checksum = this.#means.checksums.get(checksum) ?? null;
    this.#checksumName = checksum;
    if (this.#checksum === null) {
      this.close(protocolFault(`it chose the checksum ${checksum}, which was not offered`));
    } else if (transport === "tcp" && this.#transport === "auto") {
      const why = this.#whyNoSegment ?? whyTcp ?? "the prefill engine is set to tcp";
      this.#hooks.notice(`KV from ${this.key} comes over TCP: ${why}.`);
    } else if (transport === "shm" && this.#means.whyNoMemory !== null) {
      this.#hooks.notice(
        `KV from ${this.key} comes through reads of /dev/shm: ${this.#means.whyNoMemory}.`,
      );
    }
  }

  #run(message: PrefillMessage & { type: "run" }, payload: ArrayBuffer | null): void {
    const { start, count, sizeBytes, slot } = message;
    const room = BigInt(message.room);
    const bytes = payload ?? this.#bytesOf(slot, sizeBytes);
    if (this.#checksum === null || bytes === null) {
      this.close(protocolFault("a run came without its bytes, or before the welcome"));
      return;
    }
    if (sizeBytes > bytes.byteLength) {
      this.close(protocolFault(`a run of ${sizeBytes} bytes came where ${bytes.byteLength} fit`));
      return;
    }
    const isEngines = !this.#checksRuns && this.#checksumName === "crc32c";
    if (!isEngines && this.#checksum(new Uint8Array(bytes, 0, sizeBytes)) !== message.crc) {
      this.consumed(bytes, slot);
      this.#hooks.damaged(room, start, count);
      return;
    }
    const crc32c = isEngines ? message.crc : null;
    this.#hooks.run(room, { start, count, bytes, sizeBytes, crc32c }, slot);
  }

  /** The memory of a slot, or a copy of it. */
  #bytesOf(slot: number | null, sizeBytes: number): ArrayBuffer | null {
    if (slot === null || this.#segment === null) return null;
    const { slots } = this.#segment;
    if (slots instanceof MappedSlots) return slots.take(slot);
    const bytes = this.#take();
    if (sizeBytes <= bytes.byteLength) slots.read(slot, new Uint8Array(bytes, 0, sizeBytes));
    return bytes;
  }

  #take(): ArrayBuffer {
    const buffer = this.#buffers.take();
    if (buffer === null) throw protocolFault("more runs came than were allowed");
    return buffer;
  }
}
