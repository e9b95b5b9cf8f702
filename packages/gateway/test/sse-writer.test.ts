import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Exchange } from "../src/http/exchange.ts";
import { SseWriter } from "../src/http/sse-writer.ts";

let server: Server;
let handle: (exchange: Exchange) => Promise<void>;
let failure: unknown;

beforeEach(async () => {
  failure = null;
  server = createServer((request, response) => {
    handle(new Exchange(request, response, "/")).catch((error: unknown) => {
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
    let writeCount = 0;
    handle = async (exchange) => {
      const { response } = exchange;
      const write = response.write.bind(response);
      response.write = ((text: string) => {
        writeCount += 1;
        return write(text);
      }) as typeof response.write;
      const writer = new SseWriter(exchange, { stalledReaderTimeoutMs: 1000 });
      for (let i = 0; i < 10; i++) writer.write(`data: ${i}\n\n`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      writer.write("data: 10\n\n");
      writer.end("data: [DONE]\n\n");
    };
    const answer = await fetch(url());
    const expected = Array.from({ length: 11 }, (_, i) => `data: ${i}\n\n`).join("");
    expect(await answer.text()).toBe(`${expected}data: [DONE]\n\n`);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(writeCount).toBe(1);
  });

  it("holds a writer back while the client does not read, and lets it go on when it does", async () => {
    const event = `data: ${"x".repeat(10_000)}\n\n`;
    const total = 2_000;
    let highestBuffered = 0;
    let waited = 0;
    handle = async (exchange) => {
      const writer = new SseWriter(exchange, { stalledReaderTimeoutMs: 5000 });
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
      const writer = new SseWriter(exchange, { stalledReaderTimeoutMs: 5000 });
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
