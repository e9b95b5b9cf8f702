// Pictures one after the other on one response, each in the place of the one before.
import { InternalError } from "@dyn/protocol";
import type { Exchange } from "../http/exchange.ts";
import { untilDrained } from "../http/until-drained.ts";

const boundary = "frame";

export class FrameWriter {
  readonly #exchange: Exchange;
  readonly #stalledReaderTimeoutMs: number;
  #hasBegun = false;

  constructor(exchange: Exchange, options: { readonly stalledReaderTimeoutMs: number }) {
    this.#exchange = exchange;
    this.#stalledReaderTimeoutMs = options.stalledReaderTimeoutMs;
  }

  /** The status is decided. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /**
   * One JPEG, in base64. Resolves when the client has room for the next; rejects when it has left.
   * A client that reads nothing for the time-out is cut off.
   */
  async write(base64: string): Promise<void> {
    const { response, signal } = this.#exchange;
    const bytes = Buffer.from(base64, "base64");
    if (bytes.length === 0) throw new InternalError("A worker sent a frame without a picture.");
    this.#begin();
    response.write(
      `--${boundary}\r\ncontent-type: image/jpeg\r\ncontent-length: ${bytes.length}\r\n\r\n`,
    );
    response.write(bytes);
    const hasRoom = response.write("\r\n");
    if (hasRoom) return;
    await untilDrained(response, {
      signal,
      stalledTimeoutMs: this.#stalledReaderTimeoutMs,
      onStalled: () => response.destroy(),
    });
  }

  end(): void {
    this.#begin();
    this.#exchange.response.end(`--${boundary}--\r\n`);
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#exchange.response.writeHead(200, {
      "content-type": `multipart/x-mixed-replace; boundary=${boundary}`,
      "cache-control": "no-cache",
    });
  }
}
