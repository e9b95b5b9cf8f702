// Two ends of a connection in one thread: both stand still at once, as processes of a machine that is paused do.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { z } from "zod";
import { PeerConnection } from "../src/transport/peer-connection.ts";

const schema = z.object({ type: z.string() });
const peerTimeoutMs = 1_200;

it("a side that stood still does not take the other one for gone", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const errors: Error[] = [];
  const heard: string[] = [];
  const connect = (socket: Socket | { host: string; port: number }) =>
    new PeerConnection<{ type: string }, { type: string }>({
      ...{ socket, peerTimeoutMs, schema },
      maxPayloadBytes: () => 0,
      allocate: (sizeBytes) => new ArrayBuffer(sizeBytes),
      onMessage: ({ type }) => void heard.push(type),
      onClose: (error) => void errors.push(error),
    });
  const accepted = once(server, "connection");
  const near = connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  const far = connect(((await accepted) as [Socket])[0]);
  try {
    near.send({ type: "before" });
    await expect.poll(() => heard).toEqual(["before"]);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * peerTimeoutMs);
    far.send({ type: "after" });
    await expect.poll(() => heard).toEqual(["before", "after"]);
    expect(errors).toEqual([]);
  } finally {
    near.close(new Error("over"));
    far.close(new Error("over"));
    server.close();
  }
});
