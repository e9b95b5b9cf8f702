// The prefill side: listens for decode engines, brings their joins and the engine's offers together by room, gives the
// engine buffers as fast as the other side takes them, and tells it when the lease of a room has ended.

import { type AddressInfo, createServer, type Server } from "node:net";
import type { HandOver, KvLayout, LeaseEnd, MessageToKvTransfer } from "@dyn/engine";
import { type DynError, errorToRecord } from "@dyn/protocol";
import {
  differentPrompts,
  peerGone,
  roomClosed,
  roomExpired,
  roomTaken,
} from "../disagg-errors.ts";
import type { FullDisaggregationOptions } from "../disaggregation-options.ts";
import type { Means } from "../means.ts";
import { isMapped } from "../memory/process-memory.ts";
import { RunBuffers } from "../transport/run-buffers.ts";
import { ClosedRooms } from "./closed-rooms.ts";
import type { EnginePort } from "./engine-port.ts";
import { PrefillPeer } from "./prefill-peer.ts";
import { RoomBook } from "./room-book.ts";
import type { RoomRecord } from "./room-record.ts";

const maxPeers = 1024;
/** Joins that came before their offers. */
const maxParked = 65_536;
/** Per process, whatever the number of peers. Slots of shared memory come on top: each peer has its own. */
const maxBuffers = 8;
const sweepMs = 100;

interface Room {
  readonly room: bigint;
  readonly tokenCount: number;
  readonly openedMs: number;
  readonly book: RoomBook;
  peer: PrefillPeer | null;
  /** Buffers that the engine holds for it. */
  granted: number;
  /** The other side has everything and is to say so; since when. */
  handedOverMs: number | null;
}

interface ParkedJoin {
  readonly peer: PrefillPeer;
  readonly tokenCount: number;
  readonly skipTokens: number;
  readonly parkedMs: number;
  /** The pair was refused: the prefill half is told when it comes. */
  readonly refusal: DynError | null;
}

export class PrefillEndpoint {
  readonly #port: EnginePort;
  readonly #options: FullDisaggregationOptions;
  readonly #means: Means;
  readonly #onEnded: (record: RoomRecord) => void;
  readonly #runBytes: number;
  readonly #buffers: RunBuffers;
  readonly #peers = new Set<PrefillPeer>();
  readonly #rooms = new Map<bigint, Room>();
  readonly #parked = new Map<bigint, ParkedJoin>();
  readonly #closed = new ClosedRooms();
  /** One entry per buffer that is wanted. */
  readonly #wants: bigint[] = [];
  readonly #server: Server;
  readonly #sweeper: NodeJS.Timeout;

  constructor(
    port: EnginePort,
    layout: KvLayout,
    options: FullDisaggregationOptions,
    means: Means,
    onEnded: (record: RoomRecord) => void,
  ) {
    this.#means = means;
    this.#onEnded = onEnded;
    this.#port = port;
    this.#options = options;
    this.#runBytes = Math.max(options.runBytes, layout.bytesPerToken);
    this.#buffers = new RunBuffers(this.#runBytes, maxBuffers);
    this.#server = createServer((socket) => {
      const peer = new PrefillPeer({
        socket,
        layout,
        options,
        means,
        hooks: {
          join: (from, room, tokenCount, skip) => this.#join(from, room, tokenCount, skip),
          refused: (room, error) => this.#refused(peer, room, error),
          ack: (room) => this.#close(room, "acknowledged", null),
          abort: (room, message) => this.#abortedByPeer(room, message),
          writable: () => this.#grant(),
          closed: (from, error) => this.#peerClosed(from, error),
        },
      });
      this.#peers.add(peer);
    });
    this.#server.maxConnections = maxPeers;
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  /** Resolves with the port. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, this.#options.bindHost, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  offer(room: bigint, tokenCount: number): void {
    this.#closed.delete(room);
    const opened: Room = {
      room,
      tokenCount,
      openedMs: performance.now(),
      book: new RoomBook(),
      peer: null,
      granted: 0,
      handedOverMs: null,
    };
    this.#rooms.set(room, opened);
    const parked = this.#parked.get(room);
    if (parked === undefined) return;
    this.#parked.delete(room);
    if (parked.refusal !== null) this.#close(room, "failed", parked.refusal);
    else this.#meet(opened, parked);
  }

  want(room: bigint): void {
    const open = this.#rooms.get(room);
    if (open === undefined) return;
    open.book.wanted();
    this.#wants.push(room);
    this.#grant();
  }

  run(run: MessageToKvTransfer & { type: "run" }): void {
    const { room, bytes, sizeBytes } = run;
    const open = this.#rooms.get(room);
    if (open?.peer == null) {
      this.#takeBack(bytes);
      return;
    }
    open.granted--;
    open.peer.granted--;
    open.book.run(sizeBytes);
    open.peer.sendRun(run, () => this.#takeBack(bytes));
  }

  handOver(room: bigint, handOver: HandOver): void {
    const open = this.#rooms.get(room);
    if (open?.peer == null) return;
    open.handedOverMs = performance.now();
    open.peer.send({ type: "handOver", room: `${room}`, handOver });
  }

  cancel(room: bigint, message: string): void {
    const error = peerGone("the prefill side", message);
    this.#tell(room, "cancelled", error);
    this.#close(room, "cancelled", error);
  }

  returned(room: bigint, bytes: ArrayBuffer): void {
    const open = this.#rooms.get(room);
    if (open?.peer != null) {
      open.granted--;
      open.peer.granted--;
    }
    this.#takeBack(bytes);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    const error = peerGone("this address", "it was closed");
    for (const room of [...this.#rooms.keys()]) this.#close(room, "failed", error);
    for (const peer of [...this.#peers]) peer.close(error);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(peer: PrefillPeer, room: bigint, tokenCount: number, skipTokens: number): void {
    const open = this.#rooms.get(room);
    const refusal =
      open?.peer != null || this.#parked.has(room)
        ? roomTaken(room)
        : open === undefined && this.#closed.has(room)
          ? roomClosed(room)
          : open === undefined && this.#parked.size >= maxParked
            ? peerGone("this address", `${maxParked} joins wait for their prefill halves`)
            : null;
    if (refusal !== null) {
      peer.send({ type: "abort", room: `${room}`, end: "failed", error: errorToRecord(refusal) });
    } else if (open === undefined) {
      const parkedMs = performance.now();
      this.#parked.set(room, { peer, tokenCount, skipTokens, parkedMs, refusal: null });
    } else {
      this.#meet(open, { peer, tokenCount, skipTokens });
    }
  }

  #refused(peer: PrefillPeer, room: bigint, refusal: DynError): void {
    const open = this.#rooms.get(room);
    if (open?.peer === null) this.#close(room, "failed", refusal);
    if (open !== undefined || this.#closed.has(room) || this.#parked.size >= maxParked) return;
    const parkedMs = performance.now();
    this.#parked.set(room, { peer, tokenCount: 0, skipTokens: 0, parkedMs, refusal });
  }

  #meet(room: Room, join: Pick<ParkedJoin, "peer" | "tokenCount" | "skipTokens">): void {
    const { peer, tokenCount, skipTokens } = join;
    room.peer = peer;
    if (tokenCount !== room.tokenCount || skipTokens >= tokenCount) {
      const error = differentPrompts(room.room, room.tokenCount, tokenCount);
      this.#tell(room.room, "failed", error);
      this.#close(room.room, "failed", error);
      return;
    }
    room.book.met();
    this.#port.postMessage({ type: "joined", room: room.room, skipTokens });
  }

  /** First come, first served, but for rooms whose peer takes nothing now. */
  #grant(): void {
    for (let at = 0; at < this.#wants.length; ) {
      const room = this.#rooms.get(this.#wants[at]!);
      if (room?.peer == null) {
        this.#wants.splice(at, 1);
        continue;
      }
      if (!room.peer.mayGrant) {
        at++;
        continue;
      }
      const bytes = room.peer.takeSlot() ?? this.#buffers.take();
      if (bytes === null) {
        at++;
        continue;
      }
      this.#wants.splice(at, 1);
      room.granted++;
      room.book.granted();
      room.peer.granted++;
      const sizeBytes = Math.min(this.#runBytes, room.peer.runBytes);
      this.#port.postMessage({ type: "buffer", room: room.room, bytes, sizeBytes }, [bytes]);
    }
  }

  /** A buffer of which nothing is sent. */
  #takeBack(bytes: ArrayBuffer): void {
    if (!isMapped(bytes)) this.#buffers.give(bytes);
    else if (![...this.#peers].some((peer) => peer.returnSlot(bytes))) {
      // The peer whose memory it is has gone.
      this.#means.memory?.unmapFile(bytes);
    }
    this.#grant();
  }

  #abortedByPeer(room: bigint, message: string): void {
    this.#parked.delete(room);
    this.#close(room, "cancelled", peerGone("the decode side", message));
  }

  #peerClosed(peer: PrefillPeer, error: Error): void {
    this.#peers.delete(peer);
    for (const [room, parked] of this.#parked) {
      if (parked.peer === peer && parked.refusal === null) this.#parked.delete(room);
    }
    for (const open of [...this.#rooms.values()]) {
      if (open.peer === peer) this.#close(open.room, "failed", error);
    }
  }

  #tell(room: bigint, end: "cancelled" | "expired" | "failed", error: Error): void {
    const peer = this.#rooms.get(room)?.peer;
    peer?.send({ type: "abort", room: `${room}`, end, error: errorToRecord(error) });
  }

  #close(room: bigint, end: LeaseEnd, error: Error | null): void {
    const open = this.#rooms.get(room);
    if (open === undefined) return;
    this.#rooms.delete(room);
    this.#closed.add(room);
    // What it holds comes back by `returned`, and counts for nobody then.
    if (open.peer !== null) open.peer.granted -= open.granted;
    this.#port.postMessage({
      type: "closed",
      room,
      end,
      error: error === null ? null : errorToRecord(error),
      hadJoined: open.peer !== null,
    });
    this.#onEnded(open.book.ended(end));
    this.#grant();
  }

  #sweep(): void {
    const now = performance.now();
    const { roomTimeoutMs, leaseTimeoutMs } = this.#options;
    for (const open of [...this.#rooms.values()]) {
      if (open.peer === null && now - open.openedMs > roomTimeoutMs) {
        const error = roomExpired(open.room, "no decode engine joined", roomTimeoutMs);
        this.#close(open.room, "expired", error);
      } else if (open.handedOverMs !== null && now - open.handedOverMs > leaseTimeoutMs) {
        const what = "the decode engine did not acknowledge";
        const error = roomExpired(open.room, what, leaseTimeoutMs);
        this.#tell(open.room, "expired", error);
        this.#close(open.room, "expired", error);
      }
    }
    for (const [room, { peer, parkedMs, refusal }] of this.#parked) {
      if (now - parkedMs <= roomTimeoutMs) break;
      this.#parked.delete(room);
      if (refusal !== null) continue;
      const error = errorToRecord(
        roomExpired(room, "its prefill half did not come", roomTimeoutMs),
      );
      peer.send({ type: "abort", room: `${room}`, end: "expired", error });
    }
  }
}
