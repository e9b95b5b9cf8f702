// The prefill half: waits for the decode side, sends the KV of finished chunks while the next one is computed,
// and keeps the pages until the other side has said that it needs them no more.
import { errorToRecord } from "@dyn/protocol";
import type { TokenLogprobs } from "../contract/engine-output.ts";
import type { KvStore } from "../contract/kv-store.ts";
import type {
  HandOver,
  KvTransferPort,
  LeaseEnd,
  MessageFromKvTransfer,
} from "../contract/kv-transfer.ts";
import type { Choice } from "../core/choice.ts";
import type { RequestGroup } from "../scheduler/request-group.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { HandOverCounters } from "./hand-over-counters.ts";
import { roomInUse, tooManyRooms, transferFault } from "./hand-over-errors.ts";
import type { HandOverHost } from "./hand-over-host.ts";

/** Buffers that one room may ask for at a time: some are filled while others are on their way. */
const wantsPerRoom = 4;

type FirstToken = HandOver["choices"][number];

interface PrefillRoom {
  readonly room: bigint;
  readonly group: RequestGroup;
  /** The choice that computes the prompt; its pages are what is handed over. */
  readonly sequence: Sequence;
  readonly tokenCount: number;
  readonly openedMs: number;
  readonly firstTokens: (FirstToken | null)[];
  hasJoined: boolean;
  /** Tokens that are sent, or need not be. */
  sent: number;
  wants: number;
  /** Exports that have not settled. */
  exporting: Promise<void>;
  handOver: HandOver | null;
  /** Said, or decided here: nothing more is sent. */
  isEnding: boolean;
}

export class PrefillRooms {
  readonly #port: KvTransferPort;
  readonly #kv: KvStore;
  readonly #host: HandOverHost;
  readonly #counters: HandOverCounters;
  readonly #now: () => number;
  readonly #maxWaiting: number;
  readonly #rooms = new Map<bigint, PrefillRoom>();
  readonly #byGroup = new Map<RequestGroup, PrefillRoom>();

  constructor(options: {
    port: KvTransferPort;
    kv: KvStore;
    host: HandOverHost;
    counters: HandOverCounters;
    now: () => number;
    maxWaiting: number;
  }) {
    this.#port = options.port;
    this.#kv = options.kv;
    this.#host = options.host;
    this.#counters = options.counters;
    this.#now = options.now;
    this.#maxWaiting = options.maxWaiting;
  }

  get waitingCount(): number {
    let count = 0;
    for (const { hasJoined } of this.#rooms.values()) if (!hasJoined) count++;
    return count;
  }

  get openCount(): number {
    return this.#rooms.size;
  }

  has(room: bigint): boolean {
    return this.#rooms.has(room);
  }

  /** Throws what refuses the room; then nothing was done. */
  check(room: bigint): void {
    if (this.#rooms.has(room)) throw roomInUse(room);
    if (this.waitingCount >= this.#maxWaiting) throw tooManyRooms(this.#maxWaiting);
  }

  /** The request waits for its decode side from now on. */
  open(group: RequestGroup): void {
    const { bootstrapRoom: room } = group.request.disaggregation!;
    const sequence = group.sequences.find(({ state }) => state !== "finished")!;
    const opened: PrefillRoom = {
      room,
      group,
      sequence,
      tokenCount: sequence.length,
      openedMs: this.#now(),
      firstTokens: group.sequences.map(() => null),
      hasJoined: false,
      sent: 0,
      wants: 0,
      exporting: Promise.resolve(),
      handOver: null,
      isEnding: false,
    };
    this.#rooms.set(room, opened);
    this.#byGroup.set(group, opened);
    this.#port.postMessage({ type: "offer", room, tokenCount: opened.tokenCount });
  }

  /** More of the prompt may be computed. */
  advanced(sequence: Sequence): void {
    const room = this.#byGroup.get(sequence.group);
    if (room?.sequence === sequence) this.#ask(room);
  }

  /** The first token of a choice, or that there is none. */
  sampled(choice: Choice, tokenId: number | null, logprobs: readonly TokenLogprobs[] | null): void {
    const room = this.#byGroup.get(choice.sequence.group);
    if (room === undefined) return;
    const samplerState = choice.sampler.state();
    room.firstTokens[choice.sequence.index] = { tokenId, logprobs, samplerState };
    this.#finish(room);
  }

  receive(message: MessageFromKvTransfer): void {
    const room = this.#rooms.get(message.room);
    switch (message.type) {
      case "joined":
        if (room !== undefined && !room.isEnding) this.#join(room, message.skipTokens);
        break;
      case "buffer":
        if (room === undefined || room.isEnding) this.#giveBack(message.room, message.bytes);
        else this.#export(room, message.bytes, message.sizeBytes);
        break;
      case "closed":
        if (room !== undefined) this.#close(room, message.end, message);
        break;
      default:
        break;
    }
  }

  /** The request ended here, before its KV was taken over. */
  cancel(group: RequestGroup, message: string): void {
    const room = this.#byGroup.get(group);
    if (room === undefined || room.isEnding) return;
    room.isEnding = true;
    this.#port.postMessage({ type: "cancel", room: room.room, message });
  }

  /** Nothing comes from the transfer any more. */
  fail(error: unknown): void {
    for (const room of [...this.#rooms.values()]) {
      this.#close(room, "failed", { error: errorToRecord(error), hadJoined: room.hasJoined });
    }
  }

  #join(room: PrefillRoom, skipTokens: number): void {
    room.hasJoined = true;
    room.sent = Math.min(skipTokens, room.tokenCount - 1);
    room.sequence.isLeased = true;
    try {
      this.#host.schedule(room.group);
    } catch (error) {
      this.#host.end(room.group, { type: "error", error: errorToRecord(error) });
    }
    this.#host.changed();
  }

  /** Asks for buffers as long as there are tokens that fill one, or the last ones. */
  #ask(room: PrefillRoom): void {
    if (!room.hasJoined || room.isEnding) return;
    const { computed } = room.sequence;
    const ready = Math.min(computed, room.tokenCount) - room.sent;
    // At least a page: sending less costs more than it gains, but for the end.
    const isWorthIt = computed >= room.tokenCount || ready >= this.#kv.layout.pageSize;
    if (ready <= 0 || !isWorthIt) return;
    while (room.wants < wantsPerRoom) {
      room.wants++;
      this.#port.postMessage({ type: "want", room: room.room });
    }
  }

  #export(room: PrefillRoom, bytes: ArrayBuffer, sizeBytes: number): void {
    room.wants--;
    const { bytesPerToken } = this.#kv.layout;
    const ready = Math.min(room.sequence.computed, room.tokenCount) - room.sent;
    const count = Math.min(ready, Math.floor(sizeBytes / bytesPerToken));
    if (count <= 0) {
      this.#giveBack(room.room, bytes);
      return;
    }
    const start = room.sent;
    room.sent += count;
    room.exporting = room.exporting.then(() => this.#send(room, start, count, bytes));
    this.#ask(room);
  }

  async #send(room: PrefillRoom, start: number, count: number, bytes: ArrayBuffer): Promise<void> {
    if (room.isEnding) {
      this.#giveBack(room.room, bytes);
      return;
    }
    const sizeBytes = count * this.#kv.layout.bytesPerToken;
    let crc32c: number | null;
    try {
      const view = new Uint8Array(bytes, 0, sizeBytes);
      crc32c = (await this.#kv.exportTokens(room.sequence.pages, start, count, view)) ?? null;
    } catch (error) {
      this.#giveBack(room.room, bytes);
      this.#host.end(room.group, { type: "error", error: errorToRecord(error) });
      return;
    }
    this.#counters.transferredBytes += sizeBytes;
    const run = { type: "run", room: room.room, start, count, bytes, sizeBytes, crc32c } as const;
    this.#port.postMessage(run, [bytes]);
    this.#finish(room);
  }

  /** The hand-over goes behind the last run. */
  #finish(room: PrefillRoom): void {
    if (room.handOver !== null || room.isEnding || room.sent < room.tokenCount) return;
    const choices = room.firstTokens.filter((token) => token !== null);
    if (choices.length < room.firstTokens.length) return;
    const { group } = room;
    const handOver: HandOver = {
      cachedTokens: group.cachedTokens ?? 0,
      promptLogprobs: group.promptLogprobs,
      choices,
    };
    room.handOver = handOver;
    // Behind the run that is being exported.
    room.exporting = room.exporting.then(() => {
      if (room.isEnding) return;
      this.#port.postMessage({ type: "handOver", room: room.room, handOver });
    });
  }

  #close(
    room: PrefillRoom,
    end: LeaseEnd,
    { error, hadJoined }: Pick<MessageFromKvTransfer & { type: "closed" }, "error" | "hadJoined">,
  ): void {
    const { group, sequence } = room;
    const hasLease = room.hasJoined && sequence.pageCount > 0;
    const wasEnding = room.isEnding;
    room.isEnding = true;
    this.#byGroup.delete(group);
    if (end === "acknowledged" && room.handOver !== null) {
      this.#host.finishPrefill(group, room.handOver);
    } else if (!wasEnding && end === "cancelled") {
      this.#host.end(group, {
        type: "abort",
        message: error?.message ?? "The decode side cancelled the request.",
      });
    } else if (!wasEnding) {
      this.#counters.requestFailed(hadJoined);
      const reason = error ?? errorToRecord(transferFault(room.room, "the other side ended it"));
      this.#host.end(group, { type: "error", error: reason });
    }
    if (hasLease) this.#counters.leaseEnded(end, room.openedMs, this.#now());
    // An export that is under way still reads the pages.
    void room.exporting.then(() => {
      this.#rooms.delete(room.room);
      this.#host.endLease(sequence);
      this.#host.changed();
    });
  }

  #giveBack(room: bigint, bytes: ArrayBuffer): void {
    this.#port.postMessage({ type: "returned", room, bytes }, [bytes]);
  }
}
