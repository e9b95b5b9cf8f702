// The decode half: says where KV may come, writes what comes into the pages, and lets the request go on when all is there.
import { errorToRecord } from "@dyn/protocol";
import type { KvStore } from "../contract/kv-store.ts";
import type {
  HandOver,
  KvTransferPort,
  LeaseEnd,
  MessageFromKvTransfer,
} from "../contract/kv-transfer.ts";
import type { RequestGroup } from "../scheduler/request-group.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { HandOverCounters } from "./hand-over-counters.ts";
import { roomInUse, transferFault } from "./hand-over-errors.ts";
import type { HandOverHost } from "./hand-over-host.ts";

interface DecodeRoom {
  readonly room: bigint;
  readonly group: RequestGroup;
  readonly sequence: Sequence;
  readonly tokenCount: number;
  readonly openedMs: number;
  /** Tokens whose runs have come, cached ones included. */
  arrived: number;
  /** Imports that have not settled. */
  importing: Promise<void>;
  isAccepted: boolean;
  /** The transfer was told of a run with another checksum, and will close the room. */
  isDamaged: boolean;
  isEnding: boolean;
}

export class DecodeRooms {
  readonly #port: KvTransferPort;
  readonly #kv: KvStore;
  readonly #host: HandOverHost;
  readonly #counters: HandOverCounters;
  readonly #now: () => number;
  /** From submission on. */
  readonly #taken = new Map<bigint, { readonly takenMs: number }>();
  /** From the allocation of pages on. */
  readonly #rooms = new Map<bigint, DecodeRoom>();
  readonly #byGroup = new Map<RequestGroup, DecodeRoom>();

  constructor(options: {
    port: KvTransferPort;
    kv: KvStore;
    host: HandOverHost;
    counters: HandOverCounters;
    now: () => number;
  }) {
    this.#port = options.port;
    this.#kv = options.kv;
    this.#host = options.host;
    this.#counters = options.counters;
    this.#now = options.now;
  }

  /** Requests that have no pages yet. */
  get waitingCount(): number {
    return this.#taken.size - this.#rooms.size;
  }

  get openCount(): number {
    return this.#rooms.size;
  }

  has(room: bigint): boolean {
    return this.#rooms.has(room);
  }

  /** Throws what refuses the room. */
  check(room: bigint): void {
    if (this.#taken.has(room)) throw roomInUse(room);
  }

  /** The request is queued: its room is its own until it ends. */
  take(group: RequestGroup): void {
    this.#taken.set(group.request.disaggregation!.bootstrapRoom, { takenMs: this.#now() });
  }

  /** Its pages are there. */
  fetch(sequence: Sequence): void {
    const { group } = sequence;
    const { bootstrapHost, bootstrapPort, bootstrapRoom, prefillDpRank } =
      group.request.disaggregation!;
    const room: DecodeRoom = {
      room: bootstrapRoom,
      group,
      sequence,
      tokenCount: sequence.length,
      openedMs: this.#now(),
      arrived: sequence.computed,
      importing: Promise.resolve(),
      isAccepted: false,
      isDamaged: false,
      isEnding: false,
    };
    this.#rooms.set(bootstrapRoom, room);
    this.#byGroup.set(group, room);
    this.#port.postMessage({
      type: "fetch",
      room: bootstrapRoom,
      host: bootstrapHost,
      port: bootstrapPort,
      dpRank: prefillDpRank ?? null,
      tokenCount: room.tokenCount,
      skipTokens: sequence.computed,
      waitedMs: room.openedMs - (this.#taken.get(bootstrapRoom)?.takenMs ?? room.openedMs),
    });
  }

  receive(message: MessageFromKvTransfer): void {
    const room = this.#rooms.get(message.room);
    switch (message.type) {
      case "run":
        if (room === undefined || room.isEnding) this.#giveBack(message.room, message.bytes);
        else this.#take(room, message);
        break;
      case "handOver":
        if (room !== undefined) this.#finish(room, message.handOver);
        break;
      case "closed":
        if (room !== undefined) this.#close(room, message.end, message);
        break;
      default:
        break;
    }
  }

  /** The request ended here, in the queue or before its KV had come. */
  cancel(group: RequestGroup, message: string): void {
    const room = this.#byGroup.get(group);
    if (room === undefined) {
      this.#taken.delete(group.request.disaggregation!.bootstrapRoom);
      return;
    }
    if (room.isAccepted || room.isEnding) return;
    room.isEnding = true;
    this.#port.postMessage({ type: "cancel", room: room.room, message });
  }

  /** Nothing comes from the transfer any more. */
  fail(error: unknown): void {
    for (const room of [...this.#rooms.values()]) {
      this.#close(room, "failed", { error: errorToRecord(error), hadJoined: true });
    }
  }

  #take(room: DecodeRoom, run: MessageFromKvTransfer & { type: "run" }): void {
    const { start, count, bytes } = run;
    const sizeBytes = count * this.#kv.layout.bytesPerToken;
    if (
      start !== room.arrived ||
      count < 1 ||
      start + count > room.tokenCount ||
      sizeBytes > bytes.byteLength
    ) {
      this.#giveBack(room.room, bytes);
      this.#fault(
        room,
        `tokens ${start} to ${start + count} came where ${room.arrived} to at most ${room.tokenCount} were due`,
      );
      return;
    }
    room.arrived += count;
    room.importing = room.importing.then(() => this.#import(room, run, sizeBytes));
  }

  async #import(
    room: DecodeRoom,
    { start, count, bytes, crc32c }: MessageFromKvTransfer & { type: "run" },
    sizeBytes: number,
  ): Promise<void> {
    try {
      if (room.isEnding || room.isDamaged) return;
      const view = new Uint8Array(bytes, 0, sizeBytes);
      const moved = await this.#kv.importTokens(room.sequence.pages, start, count, view);
      if (crc32c !== null && moved !== crc32c) {
        // Nobody reads these pages: the request ends with the room.
        room.isDamaged = true;
        this.#port.postMessage({ type: "damaged", room: room.room, start, count });
        return;
      }
      this.#counters.transferredBytes += sizeBytes;
    } catch (error) {
      this.#fault(room, error instanceof Error ? error.message : String(error));
    } finally {
      this.#giveBack(room.room, bytes);
    }
  }

  #finish(room: DecodeRoom, handOver: HandOver): void {
    room.importing = room.importing.then(() => {
      if (room.isEnding || room.isDamaged) return;
      if (room.arrived !== room.tokenCount) {
        this.#fault(room, `${room.arrived} of ${room.tokenCount} tokens came`);
      } else if (handOver.choices.length !== room.group.sequences.length) {
        this.#fault(
          room,
          `${handOver.choices.length} choices came, but n is ${room.group.sequences.length}`,
        );
      } else {
        room.isAccepted = true;
        this.#port.postMessage({ type: "accept", room: room.room });
        this.#host.received(room.group, handOver);
        this.#host.changed();
      }
    });
  }

  #fault(room: DecodeRoom, what: string): void {
    if (room.isEnding) return;
    this.#counters.requestFailed(true);
    // Cancels the room.
    this.#host.end(room.group, {
      type: "error",
      error: errorToRecord(transferFault(room.room, what)),
    });
  }

  #close(
    room: DecodeRoom,
    end: LeaseEnd,
    { error, hadJoined }: Pick<MessageFromKvTransfer & { type: "closed" }, "error" | "hadJoined">,
  ): void {
    const { group, sequence } = room;
    const wasEnding = room.isEnding || room.isAccepted;
    room.isEnding = true;
    this.#byGroup.delete(group);
    this.#counters.leaseEnded(room.isAccepted ? "acknowledged" : end, room.openedMs, this.#now());
    if (!wasEnding) {
      this.#counters.requestFailed(hadJoined);
      const reason = error ?? errorToRecord(transferFault(room.room, "the other side ended it"));
      this.#host.end(group, { type: "error", error: reason });
    }
    // An import that is under way still writes the pages.
    void room.importing.then(() => {
      this.#rooms.delete(room.room);
      this.#taken.delete(room.room);
      this.#host.endLease(sequence);
      this.#host.changed();
    });
  }

  #giveBack(room: bigint, bytes: ArrayBuffer): void {
    this.#port.postMessage({ type: "returned", room, bytes }, [bytes]);
  }
}
