// A decode engine as the prefill side sees it: what it may be sent, and how.

import type { Socket } from "node:net";
import type { KvLayout, MessageToKvTransfer } from "@dyn/engine";
import { type DynError, errorToRecord } from "@dyn/protocol";
import { agreeOnChecksum, type ChecksumName } from "../checksum/checksums.ts";
import type { Checksum } from "../checksum/create-crc32c.ts";
import { engineMismatch, peerGone, protocolFault } from "../disagg-errors.ts";
import type { FullDisaggregationOptions } from "../disaggregation-options.ts";
import type { Means } from "../means.ts";
import { compareLayouts } from "../transport/compare-layouts.ts";
import { MappedSlots } from "../transport/mapped-slots.ts";
import { PeerConnection } from "../transport/peer-connection.ts";
import {
  type DecodeMessage,
  decodeMessageSchema,
  type PrefillMessage,
  protocolVersion,
} from "../transport/peer-messages.ts";
import { openSegment, type Slots } from "../transport/shared-segment.ts";

export interface PrefillPeerHooks {
  join(peer: PrefillPeer, room: bigint, tokenCount: number, skipTokens: number): void;
  /** It wants to join, but was refused. */
  refused(room: bigint, error: DynError): void;
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
  readonly #means: Means;
  #slots: Slots | null = null;
  #checksum: Checksum = () => 0;
  #checksumName: ChecksumName | null = null;
  readonly #freeSlots: number[] = [];
  #slotCount = 0;
  #window = 0;
  #runBytes = 0;
  #runsOut = 0;
  #isWelcome = false;
  #refusal: DynError | null = null;

  constructor(options: {
    socket: Socket;
    layout: KvLayout;
    options: FullDisaggregationOptions;
    means: Means;
    hooks: PrefillPeerHooks;
  }) {
    this.#means = options.means;
    this.#layout = options.layout;
    this.#options = options.options;
    this.#hooks = options.hooks;
    this.#connection = new PeerConnection({
      socket: options.socket,
      peerTimeoutMs: options.options.peerTimeoutMs,
      schema: decodeMessageSchema,
      maxPayloadBytes: () => 0,
      allocate: (sizeBytes) => new ArrayBuffer(sizeBytes),
      onMessage: (message) => this.#receive(message),
      onClose: (error) => {
        this.#slots?.close();
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
    if (this.isClosed || this.granted + this.#runsOut >= this.#window) return false;
    return !(this.#slots instanceof MappedSlots) || this.#freeSlots.length > 0;
  }

  /** A slot to be filled, where the engine can write into one; `null` = any buffer will do. */
  takeSlot(): ArrayBuffer | null {
    return this.#slots instanceof MappedSlots ? this.#slots.take(this.#freeSlots.pop()!) : null;
  }

  /** Takes a slot back that will not be sent. `false`: it is none of this engine's. */
  returnSlot(bytes: ArrayBuffer): boolean {
    const slot = this.#slots instanceof MappedSlots ? this.#slots.put(bytes) : null;
    if (slot !== null) this.#freeSlots.push(slot);
    return slot !== null;
  }

  /** `onSent`: the buffer is free again; not called for slots, which are free when the other side says so. */
  sendRun(run: MessageToKvTransfer & { type: "run" }, onSent: () => void): void {
    const { room, start, count, bytes, sizeBytes, crc32c } = run;
    const view = new Uint8Array(bytes, 0, sizeBytes);
    const isKnown = crc32c !== null && this.#checksumName === "crc32c";
    const crc = isKnown ? crc32c : this.#checksum(view);
    const send = (slot: number | null, payload: Uint8Array | null, onSent?: () => void) => {
      this.#runsOut++;
      const message = { type: "run", room: `${room}`, start, count, sizeBytes, crc, slot } as const;
      this.#connection.send(message, payload, onSent);
    };
    if (this.#slots === null || this.isClosed) {
      send(null, view, onSent);
    } else if (this.#slots instanceof MappedSlots) {
      send(this.#slots.put(bytes), null);
    } else {
      const slot = this.#freeSlots.pop()!;
      try {
        this.#slots.write(slot, view);
      } catch (error) {
        this.close(peerGone(this.address, `shared memory cannot be written: ${error}`));
      }
      onSent();
      send(slot, null);
    }
  }

  send(message: PrefillMessage): void {
    this.#connection.send(message);
  }

  close(error: Error): void {
    this.#connection.close(error);
  }

  #receive(message: DecodeMessage): void {
    if (this.#refusal !== null) {
      // Its rooms came behind its hello: whoever waits for it in them is told too.
      if (message.type === "join") this.#hooks.refused(BigInt(message.room), this.#refusal);
      return;
    }
    if (message.type === "hello") {
      if (this.#isWelcome) this.close(protocolFault("hello came twice"));
      else this.#greet(message);
      return;
    }
    if (message.type === "otherVersion") {
      this.#refuse([
        `the protocol is ${protocolVersion} in prefill and ${message.version} in decode`,
      ]);
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
        this.#credit(message.slot);
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

  #credit(slot: number | null): void {
    const isValid =
      this.#runsOut > 0 &&
      (slot === null
        ? this.#slots === null
        : slot < this.#slotCount && !this.#freeSlots.includes(slot));
    if (!isValid) {
      this.close(protocolFault(`a credit for slot ${slot} came for no run`));
      return;
    }
    this.#runsOut--;
    if (slot !== null) this.#freeSlots.push(slot);
    this.#hooks.writable();
  }

  #greet(hello: DecodeMessage & { type: "hello" }): void {
    const own = this.#options.transport;
    const differences = compareLayouts(this.#layout, hello.layout);
    if (own !== "auto" && hello.transport !== "auto" && own !== hello.transport) {
      differences.push(`the transport is ${own} in prefill and ${hello.transport} in decode`);
    }
    const { checksums, memory } = this.#means;
    const checksum = agreeOnChecksum(checksums, hello.checksums);
    if (checksum === null) {
      const names = [...checksums.keys()].join(", ");
      differences.push(
        `checksums are ${names} in prefill and ${hello.checksums.join(", ")} in decode`,
      );
    }
    let whyTcp: string | null = null;
    if (own === "tcp") whyTcp = "the prefill engine is set to tcp";
    else if (hello.transport !== "tcp" && hello.segment !== null && differences.length === 0) {
      const slots = openSegment(hello.segment, memory);
      if (typeof slots === "string") whyTcp = slots;
      else this.#slots = slots;
    }
    const insists = own === "shm" || hello.transport === "shm";
    if (insists && this.#slots === null && differences.length === 0) {
      const why = whyTcp ?? "the decode engine made no segment in /dev/shm";
      differences.push(`the transport is shm, but ${why}`);
    }
    if (checksum === null || differences.length > 0) {
      this.#refuse(differences);
      return;
    }
    this.#checksum = checksums.get(checksum)!;
    this.#checksumName = checksum;
    this.#slotCount = this.#slots === null ? 0 : hello.segment!.slotCount;
    this.#window = this.#slots === null ? hello.window : Math.min(hello.window, this.#slotCount);
    for (let slot = 0; slot < this.#slotCount; slot++) this.#freeSlots.push(slot);
    this.#isWelcome = true;
    this.#runBytes = Math.min(
      hello.runBytes,
      this.#slots === null ? hello.runBytes : hello.segment!.slotBytes,
    );
    const transport = this.#slots === null ? "tcp" : "shm";
    this.send({ type: "welcome", transport, whyTcp, checksum });
  }

  /** The other side closes the connection; until then it may name rooms. */
  #refuse(differences: readonly string[]): void {
    const error = engineMismatch(differences);
    this.#refusal = error;
    this.send({ type: "refuse", error: errorToRecord(error) });
    setTimeout(() => this.close(error), this.#options.connectTimeoutMs).unref();
  }
}
