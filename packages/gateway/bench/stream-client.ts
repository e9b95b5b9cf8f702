// The other end of stream.ts, in a process of its own: reads many streams at once and counts their events.
import { connect } from "node:net";

const [port, streamCount, body] = [
  Number(process.argv[2]),
  Number(process.argv[3]),
  process.argv[4]!,
];
const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`;

function readStream(): Promise<{ events: number; bytes: number; firstMs: number }> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    let events = 0;
    let bytes = 0;
    let firstMs = 0;
    const socket = connect(port, "127.0.0.1", () => socket.write(head + body));
    socket.on("data", (data) => {
      firstMs ||= performance.now() - begun;
      bytes += data.length;
      for (let at = data.indexOf("data: {"); at !== -1; at = data.indexOf("data: {", at + 7))
        events += 1;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve({ events, bytes, firstMs }));
  });
}

const begun = performance.now();
const results = await Promise.all(Array.from({ length: streamCount }, readStream));
const wallMs = performance.now() - begun;
const sum = (key: "events" | "bytes") => results.reduce((total, result) => total + result[key], 0);
const firsts = results.map(({ firstMs }) => firstMs).sort((a, b) => a - b);
process.stdout.write(
  JSON.stringify({
    events: sum("events"),
    bytes: sum("bytes"),
    wallMs,
    firstP50Ms: firsts[Math.floor(firsts.length / 2)],
    firstMaxMs: firsts.at(-1),
  }),
);
