// The caller's end of one worker's shared response connection: hands each stream's items to the answer that expects
// them and gives credit as they are read. It never waits: what a slow reader has not read fits its stream's window.
import type { Socket } from "node:net";
import { ErrorRecord, recordToError } from "@dyn/protocol";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import type { Answer, AnswerCarrier } from "../answer/answer.ts";
import { brokenAnswer } from "../answer/broken-answer.ts";
import { maxMessageBytes } from "../answer/max-message-bytes.ts";
import type { Annotated } from "../request-plane.ts";
import { MuxConnection } from "./mux-connection.ts";
import {
  bytesToUuid,
  endStatuses,
  frameTypes,
  itemOverheadWeight,
  uuidToBytes,
} from "./mux-frame.ts";
import { expectBytes, readItems } from "./mux-reader.ts";

const maxPayloadBytes = maxMessageBytes + 1024 * 1024;

/** A peer is asked and given up within its time-out: six looks. */
const looksPerTimeout = 6;

export interface ExpectedAnswer {
  readonly answer: Answer;
  readonly codec: PayloadCodec;
  /** Who is to answer; `undefined`: not known. */
  readonly instanceId?: bigint | undefined;
}

export interface MuxReceiverOptions {
  readonly socket: Socket;
  readonly rest: Buffer;
  /** What was offered to the worker for each stream. */
  readonly window: number;
  /** A worker that says nothing for so long is given up, while anything is expected of it. */
  readonly peerTimeoutMs: number;
  /** Whether answers are expected that have not begun. */
  readonly isExpecting: () => boolean;
  /** Hands out the answer of a subject, once. */
  readonly claim: (subject: string) => ExpectedAnswer | undefined;
  readonly onProblem: (message: string, error: unknown) => void;
  /** `silentIds`: the instances that answered here, of a worker that was given up because it said nothing. */
  readonly onClose: (silentIds: ReadonlySet<bigint>) => void;
}

const none: ReadonlySet<bigint> = new Set();

export class MuxReceiver {
  readonly #options: MuxReceiverOptions;
  readonly #connection: MuxConnection;
  readonly #streams = new Map<number, MuxStream>();
  /** Those that answered here: of one process, which has one or a few. */
  readonly #instanceIds = new Set<bigint>();
  #payload: Buffer = Buffer.alloc(0);

  constructor(options: MuxReceiverOptions) {
    this.#options = options;
    this.#connection = new MuxConnection({
      socket: options.socket,
      rest: options.rest,
      maxPayloadBytes,
      vigilance: {
        lookMs: options.peerTimeoutMs / looksPerTimeout,
        patience: looksPerTimeout - 2,
      },
      isNeeded: () => this.#streams.size > 0 || options.isExpecting(),
      onFrame: (type, payload) => this.#receive(type, payload),
      onClose: (error) => this.#closed(error),
    });
    this.#connection.start();
  }

  /** Whether this connection tells how the instance is. */
  serves(instanceId: bigint): boolean {
    return this.#connection.isOpen && this.#instanceIds.has(instanceId);
  }

  /** Tells the worker of a request that waits there, if it is that worker's. */
  withdraw(subject: string): void {
    this.#connection.writer.withdraw(uuidToBytes(subject));
    this.#connection.flushSoon();
  }

  #receive(type: number, payload: Buffer): void {
    switch (type) {
      case frameTypes.items:
        this.#payload = payload;
        readItems(payload, this.#item);
        return;
      case frameTypes.open:
        expectBytes(payload, 20);
        this.#open(payload.readUInt32BE(0), bytesToUuid(payload.subarray(4)));
        return;
      case frameTypes.end:
        expectBytes(payload, 5, false);
        this.#end(payload.readUInt32BE(0), payload[4]!, payload.subarray(5));
        return;
      default:
        throw new ProtocolError(`A worker does not send frames of type ${type}.`);
    }
  }

  readonly #item = (id: number, start: number, end: number, isBare: boolean): void => {
    // Of a stream that was killed here meanwhile.
    this.#streams.get(id)?.item(this.#payload, start, end, isBare);
  };

  #open(id: number, subject: string): void {
    if (this.#streams.has(id)) throw new ProtocolError(`Stream ${id} was opened twice.`);
    const expected = this.#options.claim(subject);
    if (expected?.instanceId !== undefined) this.#instanceIds.add(expected.instanceId);
    const stream = new MuxStream(id, expected, {
      connection: this.#connection,
      window: this.#options.window,
      onOver: () => this.#streams.delete(id),
    });
    if (stream.isWanted) {
      this.#streams.set(id, stream);
      expected?.answer.begin();
    } else {
      this.#connection.writer.kill(id);
      this.#connection.flushSoon();
    }
  }

  #end(id: number, status: number, record: Buffer): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.end(status, record);
  }

  #closed(error: ProtocolError | null): void {
    if (error !== null) {
      this.#options.onProblem(
        `A worker's response connection was given up: ${error.message}`,
        error,
      );
    }
    for (const stream of [...this.#streams.values()]) stream.broken();
    this.#streams.clear();
    this.#options.onClose(this.#connection.isSilent ? this.#instanceIds : none);
  }
}

class MuxStream implements AnswerCarrier {
  readonly isWanted: boolean;
  readonly #id: number;
  readonly #expected: ExpectedAnswer;
  readonly #connection: MuxConnection;
  readonly #window: number;
  readonly #onOver: () => void;
  /** Sent by the worker, less what was credited. */
  #outstanding = 0;
  /** Read and not credited yet. */
  #uncredited = 0;
  #isOver = false;

  constructor(
    id: number,
    expected: ExpectedAnswer | undefined,
    options: {
      readonly connection: MuxConnection;
      readonly window: number;
      readonly onOver: () => void;
    },
  ) {
    this.#id = id;
    this.#expected = expected!;
    this.#connection = options.connection;
    this.#window = options.window;
    this.#onOver = options.onOver;
    this.isWanted = expected?.answer.carriedBy(this) ?? false;
  }

  item(payload: Buffer, start: number, end: number, isBare: boolean): void {
    const { answer, codec } = this.#expected;
    if (this.#outstanding >= this.#window) {
      answer.giveUp(new ProtocolError("The worker sent more than the caller has room for."));
      return;
    }
    let value: unknown;
    try {
      value = codec.decode(payload, start, end);
    } catch (error) {
      answer.giveUp(new ProtocolError("An item of the response cannot be read.", error));
      return;
    }
    const weight = end - start + itemOverheadWeight;
    this.#outstanding += weight;
    answer.push(isBare ? { data: value } : (value as Annotated), weight);
  }

  end(status: number, record: Buffer): void {
    this.#isOver = true;
    this.#expected.answer.end(
      status === endStatuses.complete || this.#expected.answer.isStopping
        ? null
        : readEnd(record, status),
    );
  }

  broken(): void {
    this.#isOver = true;
    const { answer } = this.#expected;
    answer.end(answer.isStopping ? null : brokenAnswer());
  }

  drained(weight: number): void {
    this.#uncredited += weight;
    if (this.#uncredited * 2 < this.#window) return;
    this.#outstanding -= this.#uncredited;
    this.#connection.writer.credit(this.#id, this.#uncredited);
    this.#connection.flushSoon();
    this.#uncredited = 0;
  }

  stop(): void {
    this.#connection.writer.stop(this.#id);
    this.#connection.flushSoon();
  }

  release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver();
    this.#connection.writer.kill(this.#id);
    this.#connection.flushSoon();
  }
}

function readEnd(record: Buffer, status: number) {
  if (status === endStatuses.migrate && record.length === 0) {
    return brokenAnswer("The worker left before its answer was complete.");
  }
  try {
    return recordToError(ErrorRecord.parse(JSON.parse(record.toString("utf8"))));
  } catch (error) {
    return new ProtocolError(
      "The worker ended the response with an error that cannot be read.",
      error,
    );
  }
}
