// The decode side: finds the prefill rank of a room, joins it there, passes on what arrives, checked, and says when
// everything is in its pages.
import type { KvLayout, LeaseEnd, MessageToKvTransfer } from "@dyn/engine";
import { type ErrorRecord, errorToRecord } from "@dyn/protocol";
import { findPrefillRank } from "../bootstrap/find-prefill-rank.ts";
import { checksumMismatch, peerGone, prefillUnreachable, roomExpired } from "../disagg-errors.ts";
import type { FullDisaggregationOptions } from "../disaggregation-options.ts";
import type { Means } from "../means.ts";
import { isMapped } from "../memory/process-memory.ts";
import { DecodePeer, type ReceivedRun } from "./decode-peer.ts";
import type { EnginePort } from "./engine-port.ts";
import { RoomBook } from "./room-book.ts";
import type { RoomRecord } from "./room-record.ts";

const maxPeers = 256;
const idlePeerMs = 60_000;
const sweepMs = 100;

interface Room {
  readonly room: bigint;
  readonly openedMs: number;
  readonly book: RoomBook;
  peer: DecodePeer | null;
  hasData: boolean;
}

/** Where the runs go back to that the engine holds, oldest first. */
interface Outstanding {
  readonly peer: DecodePeer;
  readonly slots: (number | null)[];
}

export class DecodeEndpoint {
  readonly #port: EnginePort;
  readonly #layout: KvLayout;
  readonly #computesCrc32c: boolean;
  readonly #options: FullDisaggregationOptions;
  readonly #means: Means;
  readonly #onEnded: (record: RoomRecord) => void;
  readonly #peers = new Map<string, DecodePeer>();
  readonly #rooms = new Map<bigint, Room>();
  readonly #outstanding = new Map<bigint, Outstanding>();
  readonly #noticed = new Map<string, string>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(settings: {
    port: EnginePort;
    layout: KvLayout;
    /** The engine does. */
    computesCrc32c: boolean;
    options: FullDisaggregationOptions;
    means: Means;
    onEnded: (record: RoomRecord) => void;
  }) {
    this.#means = settings.means;
    this.#onEnded = settings.onEnded;
    this.#port = settings.port;
    this.#layout = settings.layout;
    this.#computesCrc32c = settings.computesCrc32c;
    this.#options = settings.options;
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  async fetch(message: MessageToKvTransfer & { type: "fetch" }): Promise<void> {
    const { room, host, port, dpRank, tokenCount, skipTokens, waitedMs } = message;
    const open: Room = {
      room,
      openedMs: performance.now(),
      book: new RoomBook(waitedMs),
      peer: null,
      hasData: false,
    };
    this.#rooms.set(room, open);
    try {
      const timeoutMs = this.#options.connectTimeoutMs;
      const rank = await findPrefillRank({ host, port, room, dpRank, timeoutMs });
      // It may have ended meanwhile.
      if (this.#rooms.get(room) !== open) return;
      const peer = this.#peer(rank.rank_ip, rank.rank_port);
      open.peer = peer;
      peer.roomCount++;
      open.book.met();
      peer.send({ type: "join", room: `${room}`, tokenCount, skipTokens });
    } catch (error) {
      if (this.#rooms.get(room) === open) this.#close(room, "failed", errorToRecord(error));
    }
  }

  accept(room: bigint): void {
    this.#rooms.get(room)?.peer?.send({ type: "ack", room: `${room}` });
    this.#close(room, "acknowledged", null);
  }

  /** What arrived is not what was sent. */
  damaged(room: bigint, start: number, count: number): void {
    const open = this.#rooms.get(room);
    if (open === undefined) return;
    const error = checksumMismatch(room, start, count);
    open.book.damaged();
    this.#abort(room, error.message);
    this.#close(room, "failed", errorToRecord(error));
  }

  cancel(room: bigint, message: string): void {
    this.#abort(room, message);
    this.#close(room, "cancelled", errorToRecord(peerGone("the decode side", message)));
  }

  returned(room: bigint, bytes: ArrayBuffer): void {
    const outstanding = this.#outstanding.get(room);
    if (outstanding === undefined) {
      // The peer that it came from is gone, and with it the use of its memory.
      if (isMapped(bytes)) this.#means.memory?.unmapFile(bytes);
      return;
    }
    outstanding.peer.consumed(bytes, outstanding.slots.shift() ?? null);
    if (outstanding.slots.length === 0) this.#outstanding.delete(room);
  }

  close(): void {
    clearInterval(this.#sweeper);
    const error = peerGone("this address", "it was closed");
    for (const room of [...this.#rooms.keys()]) this.#close(room, "failed", errorToRecord(error));
    for (const peer of [...this.#peers.values()]) peer.close(error);
  }

  #peer(host: string, port: number): DecodePeer {
    const known = this.#peers.get(`${host}:${port}`);
    if (known !== undefined) return known;
    if (this.#peers.size >= maxPeers) {
      throw prefillUnreachable(
        `${host}:${port}`,
        `this engine has connections to ${maxPeers} already`,
      );
    }
    const peer = new DecodePeer({
      host,
      port,
      layout: this.#layout,
      checksRuns: !this.#computesCrc32c,
      options: this.#options,
      means: this.#means,
      hooks: {
        notice: (text) => this.#notice(`${host}:${port}`, text),
        run: (room, run, slot) => this.#run(peer, room, run, slot),
        damaged: (room, start, count) => this.damaged(room, start, count),
        handOver: (room, { handOver }) => {
          if (this.#rooms.has(room)) this.#port.postMessage({ type: "handOver", room, handOver });
        },
        aborted: (room, end, error) => this.#close(room, end, error),
        closed: (gone, error) => this.#peerClosed(gone, error),
      },
    });
    this.#peers.set(peer.key, peer);
    return peer;
  }

  #run(
    peer: DecodePeer,
    room: bigint,
    { start, count, bytes, sizeBytes, crc32c }: ReceivedRun,
    slot: number | null,
  ): void {
    const open = this.#rooms.get(room);
    if (open === undefined) {
      peer.consumed(bytes, slot);
      return;
    }
    open.hasData = true;
    open.book.run(sizeBytes);
    const outstanding = this.#outstanding.get(room) ?? { peer, slots: [] };
    outstanding.slots.push(slot);
    this.#outstanding.set(room, outstanding);
    this.#port.postMessage({ type: "run", room, start, count, bytes, crc32c }, [bytes]);
  }

  /** Once, however often they meet. */
  #notice(key: string, text: string): void {
    if (this.#noticed.get(key) === text) return;
    if (this.#noticed.size >= maxPeers) this.#noticed.clear();
    this.#noticed.set(key, text);
    this.#means.notice(text);
  }

  #abort(room: bigint, message: string): void {
    this.#rooms.get(room)?.peer?.send({ type: "abort", room: `${room}`, message });
  }

  #peerClosed(peer: DecodePeer, error: Error): void {
    this.#peers.delete(peer.key);
    for (const open of [...this.#rooms.values()]) {
      if (open.peer === peer) this.#close(open.room, "failed", errorToRecord(error));
    }
    for (const [room, outstanding] of this.#outstanding) {
      if (outstanding.peer === peer) this.#outstanding.delete(room);
    }
  }

  #close(room: bigint, end: LeaseEnd, error: ErrorRecord | null): void {
    const open = this.#rooms.get(room);
    if (open === undefined) return;
    this.#rooms.delete(room);
    if (open.peer !== null) {
      open.peer.roomCount--;
      open.peer.idleSinceMs = performance.now();
    }
    this.#port.postMessage({ type: "closed", room, end, error, hadJoined: open.hasData });
    this.#onEnded(open.book.ended(end));
  }

  #sweep(): void {
    const now = performance.now();
    const { roomTimeoutMs } = this.#options;
    for (const { room, openedMs } of [...this.#rooms.values()]) {
      if (now - openedMs <= roomTimeoutMs) continue;
      const error = roomExpired(room, "its KV did not come", roomTimeoutMs);
      this.#abort(room, error.message);
      this.#close(room, "expired", errorToRecord(error));
    }
    for (const peer of [...this.#peers.values()]) {
      if (peer.roomCount > 0 || now - peer.idleSinceMs <= idlePeerMs) continue;
      peer.close(peerGone(peer.key, "nothing was asked of it for a minute"));
    }
  }
}
