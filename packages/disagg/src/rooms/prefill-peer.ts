// A decode engine as the prefill side sees it: what it may be sent, and how.

import type { Socket } from "node:net";
import { crc32 } from "node:zlib";
import type { KvLayout } from "@dyn/engine";
import { errorToRecord } from "@dyn/protocol";
import { engineMismatch, protocolFault } from "../disagg-errors.ts";
import type { FullDisaggregationOptions } from "../disaggregation-options.ts";
import { compareLayouts } from "../transport/compare-layouts.ts";
import { PeerConnection } from "../transport/peer-connection.ts";
import {
  type DecodeMessage,
  type PrefillMessage,
  protocolVersion,
} from "../transport/peer-messages.ts";
import { openSegment, type SegmentFile } from "../transport/shared-segment.ts";

export interface PrefillPeerHooks {
  join(peer: PrefillPeer, room: bigint, tokenCount: number, skipTokens: number): void;
  ack(room: bigint): void;
  abort(room: bigint, message: string): void;
  /** It may be sent more. */
  writable(): void;
  closed(peer: PrefillPeer, error: Error): void;
}

export class PrefillPeer {
  /** Runs that a buffer was given out for, and that have not come back yet. */
  granted = 0;
  readonly #connection: PeerConnection<DecodeMessage, PrefillMessage>;
  readonly #layout: KvLayout;
  readonly #options: FullDisaggregationOptions;
  readonly #hooks: PrefillPeerHooks;
  #segment: SegmentFile | null = null;
  readonly #freeSlots: number[] = [];
  #window = 0;
  #runBytes = 0;
  #runsOut = 0;
  #isWelcome = false;

  constructor(options: {
    socket: Socket;
    layout: KvLayout;
    options: FullDisaggregationOptions;
    hooks: PrefillPeerHooks;
  }) {
    this.#layout = options.layout;
    this.#options = options.options;
    this.#hooks = options.hooks;
    this.#connection = new PeerConnection({
      socket: options.socket,
      heartbeatMs: options.options.heartbeatMs,
      maxPayloadBytes: () => 0,
      allocate: (sizeBytes) => new ArrayBuffer(sizeBytes),
      onMessage: (message) => this.#receive(message),
      onClose: (error) => {
        this.#segment?.close();
        this.#hooks.closed(this, error);
      },
    });
  }

  get address(): string {
    return this.#connection.address;
  }

  get isClosed(): boolean {
    return this.#connection.isClosed;
  }

  /** The largest run that it takes. */
  get runBytes(): number {
    return this.#runBytes;
  }

  get mayGrant(): boolean {
    return !this.isClosed && this.granted + this.#runsOut < this.#window;
  }

  /** `onSent`: the buffer is free again. */
  sendRun(
    run: { room: bigint; start: number; count: number },
    bytes: Uint8Array,
    onSent: () => void,
  ): void {
    const slot = this.#segment === null ? null : this.#freeSlots.pop()!;
    this.#runsOut++;
    const message: PrefillMessage = {
      type: "run",
      room: `${run.room}`,
      start: run.start,
      count: run.count,
      sizeBytes: bytes.byteLength,
      crc: crc32(bytes),
      slot,
    };
    if (slot === null || this.isClosed) {
      this.#connection.send(message, bytes, onSent);
      return;
    }
    this.#segment!.write(slot, bytes);
    onSent();
    this.#connection.send(message);
  }

  send(message: PrefillMessage): void {
    this.#connection.send(message);
  }

  close(error: Error): void {
    this.#connection.close(error);
  }

  #receive(message: DecodeMessage): void {
    if (message.type === "hello") {
      this.#greet(message);
      return;
    }
    if (!this.#isWelcome) {
      this.close(protocolFault(`${message.type} came before hello`));
      return;
    }
    switch (message.type) {
      case "join":
        this.#hooks.join(this, BigInt(message.room), message.tokenCount, message.skipTokens);
        break;
      case "credit":
        this.#runsOut--;
        if (message.slot !== null) this.#freeSlots.push(message.slot);
        this.#hooks.writable();
        break;
      case "ack":
        this.#hooks.ack(BigInt(message.room));
        break;
      case "abort":
        this.#hooks.abort(BigInt(message.room), message.message);
        break;
      default:
        break;
    }
  }

  #greet(hello: DecodeMessage & { type: "hello" }): void {
    const own = this.#options.transport;
    const differences = compareLayouts(this.#layout, hello.layout);
    if (hello.version !== protocolVersion) {
      differences.unshift(
        `the protocol is ${protocolVersion} in prefill and ${hello.version} in decode`,
      );
    }
    if (own !== "auto" && hello.transport !== "auto" && own !== hello.transport) {
      differences.push(`the transport is ${own} in prefill and ${hello.transport} in decode`);
    }
    const wantsMemory = own !== "tcp" && hello.transport !== "tcp";
    if (wantsMemory && hello.segment !== null) this.#segment = openSegment(hello.segment);
    const insists = own === "shm" || hello.transport === "shm";
    if (insists && this.#segment === null && differences.length === 0) {
      differences.push("the transport is shm, but the two see no common /dev/shm");
    }
    if (differences.length > 0) {
      const error = engineMismatch(differences);
      this.send({ type: "refuse", error: errorToRecord(error) });
      this.close(error);
      return;
    }
    const slotCount = this.#segment?.slotCount ?? hello.window;
    this.#window = Math.min(hello.window, slotCount);
    for (let slot = 0; slot < slotCount; slot++) this.#freeSlots.push(slot);
    this.#isWelcome = true;
    this.#runBytes = hello.runBytes;
    this.send({ type: "welcome", transport: this.#segment === null ? "tcp" : "shm" });
  }
}
