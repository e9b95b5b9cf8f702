// What lies between a prefill and a decode engine, reduced to queues that a script empties message by message: the order
// within a direction holds, everything else is up to the script. Cuts, expiries and deaths come where it says.
import type {
  KvTransfer,
  KvTransferPort,
  LeaseEnd,
  MessageFromKvTransfer,
  MessageToKvTransfer,
} from "@dyn/engine";
import { errorToRecord, UnavailableError } from "@dyn/protocol";

interface Room {
  skipTokens: number | null;
  isOffered: boolean;
  isFetched: boolean;
  /** Still to be told that it is closed. */
  readonly openAt: Set<"prefill" | "decode">;
}

type Listener = (message: MessageFromKvTransfer) => void;

const runBytes = 64;

class ScriptedPort implements KvTransferPort {
  /** What the engine hears, one by one. */
  readonly inbox: MessageFromKvTransfer[] = [];
  readonly #post: (message: MessageToKvTransfer) => void;
  #listener: Listener = () => {};

  constructor(post: (message: MessageToKvTransfer) => void) {
    this.#post = post;
  }

  postMessage(message: MessageToKvTransfer): void {
    this.#post(message);
  }

  on(event: string, listener: (message: never) => void): void {
    if (event === "message") this.#listener = listener as Listener;
  }

  close(): void {}

  deliver(): boolean {
    const message = this.inbox.shift();
    if (message === undefined) return false;
    this.#listener(message);
    return true;
  }
}

export class LinkedTransfers {
  readonly prefill = new ScriptedPort((message) => this.#fromPrefill(message));
  readonly decode = new ScriptedPort((message) => this.#fromDecode(message));
  readonly #rooms = new Map<bigint, Room>();
  buffersOut = 0;

  transfer(side: "prefill" | "decode"): KvTransfer {
    const info = { mode: side, bootstrapHost: null, bootstrapPort: null, transports: [] };
    return { port: this[side], info };
  }

  /** Delivers one message, to the side that is due by `pick`. */
  deliver(pick: number): boolean {
    const [first, second] =
      pick % 2 === 0 ? [this.prefill, this.decode] : [this.decode, this.prefill];
    return first.deliver() || second.deliver();
  }

  /** Ends a room as a broken connection or an expiry would. */
  cut(pick: number, end: "expired" | "failed"): void {
    const rooms = [...this.#rooms.keys()];
    if (rooms.length > 0) this.#close(rooms[pick % rooms.length]!, end, end);
  }

  get openRooms(): number {
    return this.#rooms.size;
  }

  #room(room: bigint): Room {
    let known = this.#rooms.get(room);
    if (known === undefined) {
      known = { skipTokens: null, isOffered: false, isFetched: false, openAt: new Set() };
      this.#rooms.set(room, known);
    }
    return known;
  }

  #fromPrefill(message: MessageToKvTransfer): void {
    if (message.type === "layout") return;
    const { room } = message;
    const known = this.#rooms.get(room);
    switch (message.type) {
      case "offer": {
        const opened = this.#room(room);
        opened.isOffered = true;
        opened.openAt.add("prefill");
        this.#join(room, opened);
        break;
      }
      case "want":
        if (known === undefined) break;
        this.buffersOut++;
        this.prefill.inbox.push({
          type: "buffer",
          room,
          bytes: new ArrayBuffer(runBytes),
          sizeBytes: runBytes,
        });
        break;
      case "run": {
        this.buffersOut--;
        if (known === undefined) break;
        const { start, count, bytes, crc32c } = message;
        this.buffersOut++;
        this.decode.inbox.push({ type: "run", room, start, count, bytes, crc32c });
        break;
      }
      case "handOver":
        if (known === undefined) break;
        this.decode.inbox.push({
          type: "handOver",
          room,
          handOver: JSON.parse(JSON.stringify(message.handOver)),
        });
        break;
      case "cancel":
        this.#close(room, "cancelled", message.message);
        break;
      case "returned":
        this.buffersOut--;
        break;
      default:
        throw new Error(`The prefill engine said ${message.type}.`);
    }
  }

  #fromDecode(message: MessageToKvTransfer): void {
    if (message.type === "layout") return;
    const { room } = message;
    switch (message.type) {
      case "fetch": {
        const opened = this.#room(room);
        opened.isFetched = true;
        opened.openAt.add("decode");
        opened.skipTokens = message.skipTokens;
        this.#join(room, opened);
        break;
      }
      case "accept":
        this.#close(room, "acknowledged", "");
        break;
      case "cancel":
        this.#close(room, "cancelled", message.message);
        break;
      case "returned":
        this.buffersOut--;
        break;
      default:
        throw new Error(`The decode engine said ${message.type}.`);
    }
  }

  #join(room: bigint, known: Room): void {
    if (!known.isOffered || !known.isFetched) return;
    this.prefill.inbox.push({ type: "joined", room, skipTokens: known.skipTokens! });
  }

  #close(room: bigint, end: LeaseEnd, message: string): void {
    const known = this.#rooms.get(room);
    if (known === undefined) return;
    this.#rooms.delete(room);
    const error = end === "acknowledged" ? null : errorToRecord(new UnavailableError(message));
    for (const side of known.openAt) {
      this[side].inbox.push({ type: "closed", room, end, error, hadJoined: true });
    }
  }
}
