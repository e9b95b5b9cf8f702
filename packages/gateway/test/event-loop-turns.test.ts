import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { EventLoopTurns } from "../src/http/event-loop-turns.ts";

/** Holds the thread: a request that is parsed and tokenized. */
function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

describe("EventLoopTurns", () => {
  it("lets a request that comes alone go on at once, turn after turn", async () => {
    const turns = new EventLoopTurns();
    for (let i = 0; i < 5; i++) {
      expect(turns.take()).toBeNull();
      await nextTurn();
      await nextTurn();
    }
  });

  it("keeps the order of those that wait, also beside those that come later", async () => {
    const turns = new EventLoopTurns();
    const order: number[] = [];
    const request = async (i: number) => {
      const turn = turns.take();
      if (turn !== null) await turn;
      order.push(i);
      work(2);
    };
    const requests = Array.from({ length: 30 }, (_, i) => request(i));
    await nextTurn();
    requests.push(...Array.from({ length: 30 }, (_, i) => request(30 + i)));
    await Promise.all(requests);
    expect(order).toEqual(Array.from({ length: 60 }, (_, i) => i));
    await nextTurn();
    await nextTurn();
    expect(turns.take()).toBeNull();
  });

  it("accepts connections while requests wait, which Node does once a turn", async () => {
    const turns = new EventLoopTurns();
    const server = createServer();
    let accepted = 0;
    server.on("connection", () => {
      accepted += 1;
      turns.noteConnection();
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    let done = 0;
    const acceptedBefore: number[] = [];
    const requests = Array.from({ length: 200 }, async () => {
      const turn = turns.take();
      if (turn !== null) await turn;
      acceptedBefore.push(accepted);
      work(2);
      done += 1;
    });
    const sockets = Array.from({ length: 20 }, () => connect(port, "127.0.0.1"));
    await Promise.all(requests);
    expect(done).toBe(200);
    expect(acceptedBefore.at(-1)).toBe(sockets.length);
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});
