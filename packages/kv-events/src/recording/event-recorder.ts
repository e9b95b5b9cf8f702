// Writes KV events to a file of JSON lines, for a look by eye or to be played back. The file has a largest size.
import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { type RecordedBatch, toEventLine } from "./event-line.ts";

export interface EventRecorderOptions {
  readonly path: string;
  /** Batches that would make the file larger are counted and left out. Default 1 GiB. */
  readonly maxBytes?: number;
}

/** The file is there from the start; one that was there is replaced. */
export class EventRecorder implements AsyncDisposable {
  readonly #stream: WriteStream;
  readonly #maxBytes: number;
  #sizeBytes = 0;
  #droppedCount = 0;
  #error: Error | null = null;

  constructor(options: EventRecorderOptions) {
    this.#stream = createWriteStream(options.path);
    this.#stream.on("error", (error) => {
      this.#error = error;
    });
    this.#maxBytes = options.maxBytes ?? 2 ** 30;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  record(batch: RecordedBatch): void {
    const line = `${toEventLine(batch)}\n`;
    const lineBytes = Buffer.byteLength(line);
    if (this.#sizeBytes + lineBytes > this.#maxBytes || this.#error !== null) {
      this.#droppedCount += 1;
      return;
    }
    this.#sizeBytes += lineBytes;
    this.#stream.write(line);
  }

  /** Throws what kept the file from being written. */
  async close(): Promise<void> {
    if (this.#error !== null) throw this.#error;
    this.#stream.end();
    await finished(this.#stream);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
