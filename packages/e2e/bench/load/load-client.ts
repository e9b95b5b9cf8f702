// Streams chats from an OpenAI-compatible server over kept-alive connections, in a process of its own: node load-client.ts '<LoadPlan>'.
// Prints one LoadResult. Counts events in the bytes as they come and parses nothing, so that it is cheap beside what it measures.
import { connect } from "node:net";

export interface LoadPlan {
  readonly port: number;
  readonly streams: number;
  readonly requests: number;
  readonly body: string;
}

export interface LoadResult {
  readonly chunks: number;
  readonly bytes: number;
  readonly errors: number;
  readonly wallMs: number;
  readonly ttftP50Ms: number;
  readonly ttftP99Ms: number;
  /** Between the chunks of a stream, mean per stream, median over streams. */
  readonly itlP50Ms: number;
}

const plan = JSON.parse(process.argv[2]!) as LoadPlan;
const request = `POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(plan.body)}\r\n\r\n${plan.body}`;
const ttfts: number[] = [];
const itls: number[] = [];
let [left, chunks, bytes, errors] = [plan.requests, 0, 0, 0];
const event = Buffer.from("data: {");
const endOfBody = Buffer.from("0\r\n\r\n");

/** Asks one request after the other over one connection. */
function runClient(): Promise<void> {
  return new Promise((resolve) => {
    let begunMs = 0;
    let firstMs = 0;
    let lastMs = 0;
    let count = 0;
    let isWaiting = false;
    let isDone = false;
    let isOver = false;
    const socket = connect({ port: plan.port, host: "127.0.0.1", noDelay: true });
    const next = () => {
      if (left === 0) {
        isOver = true;
        socket.end();
        return;
      }
      left -= 1;
      [begunMs, firstMs, count, isWaiting, isDone] = [performance.now(), 0, 0, true, false];
      socket.write(request);
    };
    socket.on("connect", next);
    socket.on("data", (data: Buffer) => {
      bytes += data.length;
      const nowMs = performance.now();
      for (let at = data.indexOf(event); at !== -1; at = data.indexOf(event, at + 7)) {
        count += 1;
        firstMs ||= nowMs;
        lastMs = nowMs;
      }
      isDone ||= data.includes("[DONE]");
      const isEnd = data.length >= 5 && data.subarray(data.length - 5).equals(endOfBody);
      if (!isEnd || !isWaiting) return;
      isWaiting = false;
      if (!isDone) errors += 1;
      chunks += count;
      ttfts.push(firstMs - begunMs);
      if (count > 1) itls.push((lastMs - firstMs) / (count - 1));
      next();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (!isOver) errors += 1;
      resolve();
    });
  });
}

function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

const begun = performance.now();
await Promise.all(Array.from({ length: plan.streams }, runClient));
const result: LoadResult = {
  chunks,
  bytes,
  errors,
  wallMs: performance.now() - begun,
  ttftP50Ms: percentile(ttfts, 0.5),
  ttftP99Ms: percentile(ttfts, 0.99),
  itlP50Ms: percentile(itls, 0.5),
};
process.stdout.write(JSON.stringify(result));
