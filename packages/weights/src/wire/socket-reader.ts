// Reads a socket by lines and by counts of bytes. What is not asked for stays in the kernel: back-pressure is TCP's.
import type { Socket } from "node:net";
import { UnavailableError } from "@dyn/protocol";
import type { z } from "zod";
import { maxLineBytes } from "./messages.ts";

const newline = 0x0a;

export class SocketReader {
  readonly #socket: Socket;
  /** Without a byte for so long the other side counts as gone. */
  readonly #idleMs: number;

  constructor(socket: Socket, options: { readonly idleMs: number }) {
    this.#socket = socket;
    this.#idleMs = options.idleMs;
    // Told of below, by whoever waits.
    socket.on("error", () => {});
  }

  /** Throws UnavailableError when the line does not come, or is none of these. */
  async readMessage<Message>(schema: z.ZodType<Message>, signal?: AbortSignal): Promise<Message> {
    const parts: Buffer[] = [];
    let size = 0;
    for (;;) {
      const chunk = await this.#readSome(maxLineBytes, signal);
      const end = chunk.indexOf(newline);
      const part = end < 0 ? chunk : chunk.subarray(0, end);
      parts.push(part);
      size += part.length;
      if (size > maxLineBytes) throw gone(`A line is longer than ${maxLineBytes} bytes.`);
      if (end < 0) continue;
      if (end + 1 < chunk.length) this.#socket.unshift(chunk.subarray(end + 1));
      break;
    }
    const text = Buffer.concat(parts).toString("utf8");
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw gone(
        `The other side sent ${JSON.stringify(text.slice(0, 80))}, which is no JSON.`,
        cause,
      );
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw gone(
      `The other side sent ${text.slice(0, 200)}, which is not what stands here.`,
      parsed.error,
    );
  }

  async readInto(target: Uint8Array, signal?: AbortSignal): Promise<void> {
    for (let filled = 0; filled < target.length; ) {
      const chunk = await this.#readSome(target.length - filled, signal);
      target.set(chunk, filled);
      filled += chunk.length;
    }
  }

  async #readSome(most: number, signal: AbortSignal | undefined): Promise<Buffer> {
    const socket = this.#socket;
    for (;;) {
      signal?.throwIfAborted();
      if (socket.readableLength > 0) {
        const chunk = socket.read(Math.min(most, socket.readableLength)) as Buffer | null;
        if (chunk !== null) return chunk;
      }
      if (socket.destroyed || socket.readableEnded) {
        throw gone("The other side closed the connection.", socket.errored ?? undefined);
      }
      await this.#untilReadable(signal);
    }
  }

  #untilReadable(signal: AbortSignal | undefined): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const events = ["readable", "end", "close"] as const;
      const finish = (error?: unknown) => {
        clearTimeout(timer);
        for (const event of events) socket.off(event, onEvent);
        signal?.removeEventListener("abort", onAbort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const onEvent = () => finish();
      const onAbort = () => finish(signal?.reason);
      const timer = setTimeout(
        () => finish(gone(`The other side sent nothing for ${this.#idleMs / 1000} s.`)),
        this.#idleMs,
      );
      for (const event of events) socket.on(event, onEvent);
      signal?.addEventListener("abort", onAbort, { once: true });
      // Asks the stream for more than it holds, without taking anything.
      socket.read(0);
    });
  }
}

function gone(message: string, cause?: unknown): UnavailableError {
  return new UnavailableError(message, { code: "DYN_WEIGHTS_CONNECTION", cause });
}
