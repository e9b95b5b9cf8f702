import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventLoopTurns } from "../src/http/event-loop-turns.ts";
import { Exchange } from "../src/http/exchange.ts";
import { SseWriter } from "../src/http/sse-writer.ts";

let server: Server;
let handle: (exchange: Exchange) => Promise<void>;
let failure: unknown;

beforeEach(async () => {
  failure = null;
  const turns = new EventLoopTurns();
  server = createServer((request, response) => {
    handle(new Exchange(request, response, { path: "/", turns })).catch((error: unknown) => {
      failure = error;
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

describe("SseWriter", () => {
  it("sends all events of a turn in one write and keeps their order", async () => {
    const writes: number[] = [];
    handle = async (exchange) => {
      const { response } = exchange;
      const socket = response.socket!;
      for (const stream of [response, socket]) {
        const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
        stream.write = ((text: string, ...rest: unknown[]) => {
          if (stream === response || !socket.writableCorked) writes.push(text.length);
          return write(text, ...rest);
        }) as typeof stream.write;
      }
      const writer = new SseWriter(exchange, { stalledReaderTimeoutMs: 30_000 });
      for (let turn = 0; turn < 3; turn++) {
        for (let i = 0; i < 10; i++) writer.write(`data: ${turn}${i}\n\n`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(writes).toHaveLength(3);
      writer.write("data: 30\n\n");
      writer.end("data: [DONE]\n\n");
    };
    const answer = await fetch(url());
    const turns = Array.from({ length: 31 }, (_, i) => `data: ${Math.floor(i / 10)}${i % 10}\n\n`);
    expect(await answer.text()).toBe(`${turns.join("")}data: [DONE]\n\n`);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(failure).toBeNull();
  });

  it("counts bytes, not characters: any text arrives whole, turn by turn", async () => {
    const texts = [
      "plain",
      "é",
      "日本語 🙂",
      "half \ud83d",
      "",
      "x".repeat(70_000),
      "ü".repeat(40_000),
    ];
    handle = async (exchange) => {
      const writer = new SseWriter(exchange, { stalledReaderTimeoutMs: 30_000 });
      for (const text of texts) {
        writer.write(`data: ${text}\n\n`);
        await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      }
      writer.end("");
    };
    const answer = await (await fetch(url())).text();
    const expected = texts.map((text) => `data: ${text}\n\n`).join("");
    // Half a character becomes U+FFFD, as everywhere.
    expect(answer).toBe(Buffer.from(expected).toString());
  });

  it("answers pipelined requests in order, and a client of HTTP/1.0 without chunks", async () => {
    handle = async (exchange) => {
      const writer = new SseWriter(exchange, { stalledReaderTimeoutMs: 30_000 });
      // The second is done first.
      const isFirst = exchange.request.url === "/first";
      for (let i = 0; i < 3; i++) {
        writer.write(`data: ${exchange.request.url} ${i}\n\n`);
        await new Promise((resolve) => setTimeout(resolve, isFirst ? 20 : 1));
      }
      writer.end("");
    };
    const talk = async (request: string) => {
      const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
      socket.write(request);
      let answer = "";
      for await (const chunk of socket) answer += chunk;
      return answer;
    };
    const events = (of: string) => [0, 1, 2].map((i) => `data: ${of} ${i}\n\n`);
    const head = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n`;
    const both = await talk(`${head("/first")}\r\n${head("/second")}connection: close\r\n\r\n`);
    expect(both.match(/data: .*\n\n/g)).toEqual([...events("/first"), ...events("/second")]);
    const old = await talk("GET /old HTTP/1.0\r\nhost: a\r\n\r\n");
    expect(old.split("\r\n\r\n")[1]).toBe(events("/old").join(""));
  });

  it("holds a writer back while the client does not read, and lets it go on when it does", async () => {
    const event = `data: ${"x".repeat(10_000)}\n\n`;
    const total = 2_000;
    let highestBuffered = 0;
    let waited = 0;
    handle = async (exchange) => {
      const writer = new SseWriter(exchange, { stalledReaderTimeoutMs: 30_000 });
      for (let i = 0; i < total; i++) {
        writer.write(event);
        highestBuffered = Math.max(highestBuffered, exchange.response.writableLength);
        if (writer.isFull) {
          waited += 1;
          await writer.drained();
        }
      }
      writer.end("");
    };
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let received = 0;
    socket.on("data", (data) => {
      received += data.length;
    });
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(received).toBeLessThan(total * event.length);
    socket.resume();
    while (received < total * event.length) await new Promise((resolve) => setTimeout(resolve, 5));
    socket.destroy();
    expect(waited).toBeGreaterThan(0);
    expect(highestBuffered).toBeLessThan(1_000_000);
    expect(failure).toBeNull();
  });

  it("gives up on a client that never reads on", async () => {
    handle = async (exchange) => {
      const writer = new SseWriter(exchange, { stalledReaderTimeoutMs: 50 });
      for (;;) {
        writer.write(`data: ${"x".repeat(100_000)}\n\n`);
        if (writer.isFull) await writer.drained();
      }
    };
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => socket.destroy());
    socket.pause();
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    while (failure === null) await new Promise((resolve) => setTimeout(resolve, 5));
    socket.destroy();
    expect(failure).toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
  });

  it("sends comments while there is nothing to say, also before the first event, and none afterwards", async () => {
    let heard = 0;
    let end = () => {};
    handle = async (exchange) => {
      const writer = new SseWriter(exchange, { stalledReaderTimeoutMs: 30_000 });
      writer.startKeepAlive(5, ":\n\n");
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      writer.end("data: last\n\n");
    };
    const answer = await fetch(url());
    let text = "";
    for await (const part of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      heard = text.split(":\n\n").length - 1;
      if (heard >= 3) end();
    }
    expect(text).toMatch(/^(:\n\n){3,}data: last\n\n$/);
  });
});
