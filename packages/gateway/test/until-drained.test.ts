// A writer waits for its reader, and for nothing that this process itself was too late for.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { expect, it, onTestFinished, vi } from "vitest";
import { untilDrained } from "../src/http/until-drained.ts";

/** Two ends of one connection. */
async function openPair(): Promise<[Socket, Socket]> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const near = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [far] = await accepted;
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

it("a process that stood still hears of a reader that read on meanwhile before it gives him up", async () => {
  const [near, far] = await openPair();
  const stream = new PassThrough();
  // As a socket's own `drain`: told of when the event loop looks at its sockets.
  near.once("data", () => stream.emit("drain"));
  const onStalled = vi.fn();
  const drained = untilDrained(stream, {
    signal: new AbortController().signal,
    stalledTimeoutMs: 20,
    onStalled,
  });
  far.write("read on");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  await drained;
  expect(onStalled).not.toHaveBeenCalled();
});

it("a reader that reads nothing is told of once", async () => {
  const stream = new PassThrough();
  const abort = new AbortController();
  const onStalled = vi.fn(() => abort.abort(new Error("cut off")));
  const drained = untilDrained(stream, { signal: abort.signal, stalledTimeoutMs: 5, onStalled });
  await expect(drained).rejects.toThrow("cut off");
  expect(onStalled).toHaveBeenCalledOnce();
});
