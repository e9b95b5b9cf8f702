// Bytes to a socket and the answer back: for what no client library would send.
import { connect } from "node:net";

export interface RawAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Sends each part after its pause and resolves with the first answer; rejects when none comes in thirty seconds. */
export function sendRaw(
  port: number,
  parts: readonly { readonly bytes: string | Buffer; readonly afterMs?: number }[],
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const timers: NodeJS.Timeout[] = [];
    let received = Buffer.alloc(0);
    const finish = (error?: Error) => {
      for (const timer of timers) clearTimeout(timer);
      socket.destroy();
      const answer = parse(received);
      if (answer) resolve(answer);
      else reject(error ?? new Error(`No whole answer: ${received.toString()}`));
    };
    timers.push(setTimeout(() => finish(new Error("No answer in thirty seconds.")), 30_000));
    socket.on("connect", () => {
      let atMs = 0;
      for (const { bytes, afterMs = 0 } of parts) {
        atMs += afterMs;
        if (atMs === 0) socket.write(bytes);
        else timers.push(setTimeout(() => socket.writable && socket.write(bytes), atMs));
      }
    });
    socket.on("data", (data) => {
      received = Buffer.concat([received, data]);
      if (parse(received)) finish();
    });
    socket.on("error", finish);
    socket.on("close", () => finish());
  });
}

function parse(bytes: Buffer): RawAnswer | null {
  const text = bytes.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return null;
  const headers = text.slice(0, end);
  const status = Number(headers.split(" ", 2)[1]);
  const length = Number(/content-length: (\d+)/i.exec(headers)?.[1] ?? 0);
  if (bytes.length < end + 4 + length) return null;
  return { status, headers, body: bytes.subarray(end + 4, end + 4 + length).toString("utf8") };
}
