// The worker's end of one stream on a mux connection. Items leave while the stream's window is open; the window is the
// caller's promise of memory, and a slow caller closes its own stream's only.
import { errorToRecord } from "@dyn/protocol";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import type { AnswerSender } from "../answer/answer-sender.ts";
import type { Annotated } from "../request-plane.ts";
import type { MuxConnection } from "./mux-connection.ts";
import { endStatuses, itemOverheadWeight, uuidToBytes } from "./mux-frame.ts";

/** Failures that say: this worker gives the stream up, another one may go on. */
const leavingCodes: ReadonlySet<string> = new Set([
  "DYN_ENGINE_SHUTDOWN",
  "DYN_ENGINE_DRAINING",
  "DYN_ENGINE_CLOSED",
  "DYN_ENGINE_THREAD_DIED",
  "DYN_RUNTIME_DISCONNECTED",
]);
const noRecord = Buffer.alloc(0);

export interface MuxSenderOptions {
  readonly connection: MuxConnection;
  readonly stream: number;
  readonly subject: string;
  readonly codec: PayloadCodec;
  /** Weight that may be sent before the caller gives credit. */
  readonly window: number;
  readonly onCancel: (kind: "stop" | "kill") => void;
  /** The stream is over; nothing of it is sent any more. */
  readonly onOver: () => void;
}

export class MuxSender implements AnswerSender {
  readonly #options: MuxSenderOptions;
  readonly #connection: MuxConnection;
  readonly #stream: number;
  #window: number;
  #sentBytes = 0;
  #isOver = false;
  #wake: (() => void) | null = null;

  constructor(options: MuxSenderOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.#stream = options.stream;
    this.#window = options.window;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  async prologue(error: unknown = null): Promise<void> {
    if (this.#isOver) return;
    this.#connection.writer.open(this.#stream, uuidToBytes(this.#options.subject));
    this.#connection.flushSoon();
    if (error !== null) await this.fail(error);
  }

  item(item: Annotated): Promise<void> | undefined {
    if (this.#isOver) return;
    const isBare = isDataAlone(item);
    const body = this.#options.codec.encode(isBare ? item.data : item);
    this.#connection.writer.item(this.#stream, body, isBare);
    this.#connection.flushSoon();
    this.#sentBytes += body.length;
    this.#window -= body.length + itemOverheadWeight;
    return this.#mayGoOn ? undefined : this.#untilMayGoOn();
  }

  async fail(error: unknown): Promise<void> {
    const record = errorToRecord(error);
    const status = leavingCodes.has(record.code) ? endStatuses.migrate : endStatuses.error;
    this.#end(status, Buffer.from(JSON.stringify(record)));
  }

  async end(): Promise<void> {
    this.#end(endStatuses.complete, noRecord);
  }

  destroy(): void {
    this.#end(endStatuses.migrate, noRecord);
  }

  /** The caller's. */
  credit(weight: number): void {
    this.#window += weight;
    this.#tellMayGoOn();
  }

  /** The caller's, or, as a kill, the connection's end. */
  cancel(kind: "stop" | "kill"): void {
    if (this.#isOver) return;
    // Nobody hears the end of a killed stream.
    if (kind === "kill") this.#over();
    this.#options.onCancel(kind);
  }

  get #mayGoOn(): boolean {
    return this.#isOver || (this.#window > 0 && !this.#connection.isFull);
  }

  async #untilMayGoOn(): Promise<void> {
    while (!this.#mayGoOn) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (this.#window > 0) this.#connection.onDrained(() => this.#tellMayGoOn());
      });
    }
  }

  #tellMayGoOn(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  #end(status: number, record: Uint8Array): void {
    if (this.#isOver) return;
    this.#connection.writer.end(this.#stream, status, record);
    this.#connection.flushSoon();
    this.#over();
  }

  #over(): void {
    this.#isOver = true;
    this.#options.onOver();
    this.#tellMayGoOn();
  }
}

function isDataAlone(item: Annotated): boolean {
  return (
    item.data !== undefined &&
    item.event === undefined &&
    item.id === undefined &&
    item.comment === undefined
  );
}
