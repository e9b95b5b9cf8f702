import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { RequestContext, TcpRequestPlane } from "@dyn/runtime";
import { expect, test } from "vitest";
import { ByteQueue } from "../src/codec/byte-queue.ts";
import { encodeTwoPart } from "../src/codec/two-part-message.ts";
import { takeAcknowledgement } from "../src/request/tcp/acknowledgement.ts";
import { parseAddress } from "../src/request/tcp/control-message.ts";
import { encodeRequestFrame } from "../src/request/tcp/request-frame.ts";
import { requestPlaneConformance } from "./conformance/request-plane.ts";

/** Between our own processes answers share a connection; a peer that offers or takes no such has one for each. */
const apart = { responseMux: false } as const;
for (const codec of ["msgpack", "json"] as const) {
  requestPlaneConformance(`tcp mux, ${codec}`, async () => ({
    server: new TcpRequestPlane({ codec }),
    client: new TcpRequestPlane(),
  }));
  requestPlaneConformance(`tcp, ${codec}`, async () => ({
    server: new TcpRequestPlane({ codec, ...apart }),
    client: new TcpRequestPlane(),
  }));
}
requestPlaneConformance("tcp, caller without mux", async () => ({
  server: new TcpRequestPlane(),
  client: new TcpRequestPlane(apart),
}));

test("what is no request is refused with a word that peers understand, and the connection goes on", async () => {
  const plane = new TcpRequestPlane();
  const id = { namespace: "ns", component: "c", endpoint: "e" };
  const served = await plane.serve(id, 1n, async function* () {
    yield { data: 1 };
  });
  const [address, ...path] = served.transport.tcp!.split("/");
  const { host, port } = parseAddress(address!);
  const socket = connect({ host, port });
  const queue = new ByteQueue();
  const acknowledgement = async () => {
    for (;;) {
      const text = takeAcknowledgement(queue);
      if (text !== null) return text;
      const [chunk] = await once(socket, "data");
      queue.push(chunk);
    }
  };
  const send = (to: string, payload: Buffer) =>
    socket.write(encodeRequestFrame({ path: to, headers: {}, payload }));
  send(path.join("/"), Buffer.from("no two-part message"));
  expect(await acknowledgement()).toMatch(/^Server unavailable: unreadable request/);
  send(path.join("/"), encodeTwoPart(Buffer.from('{"id":"x"}')));
  expect(await acknowledgement()).toMatch(
    /^Server unavailable: unreadable request: .*connection_info/s,
  );
  send("somewhere/else", Buffer.alloc(0));
  expect(await acknowledgement()).toBe("Server unavailable: unknown endpoint somewhere/else");
  socket.destroy();
  await plane.close();
});

test("a request over the size limit is refused by its length and reaches the caller as 413", async () => {
  const server = new TcpRequestPlane({ maxPayloadBytes: 1_000 });
  const client = new TcpRequestPlane();
  const id = { namespace: "ns", component: "c", endpoint: "e" };
  const served = await server.serve(id, 1n, async function* () {});
  const call = async () => {
    const instance = { id, instanceId: 1n, transport: served.transport };
    for await (const _ of client.call(instance, "x".repeat(2_000), new RequestContext()));
  };
  await expect(call()).rejects.toMatchObject({ status: 413, retryable: false });
  await Promise.all([server.close(), client.close()]);
});

test("a worker that never acknowledges costs one time-out and poisons nothing", async () => {
  let connections = 0;
  const mute = createServer(() => {
    connections += 1;
  });
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  const { port } = mute.address() as AddressInfo;
  const client = new TcpRequestPlane({ acknowledgementTimeoutMs: 30 });
  const id = { namespace: "ns", component: "c", endpoint: "e" };
  const instance = { id, instanceId: 1n, transport: { tcp: `127.0.0.1:${port}/x`, codec: "json" } };
  const call = async () => {
    for await (const _ of client.call(instance, {}, new RequestContext()));
  };
  await expect(call()).rejects.toMatchObject({ status: 504, retryable: true });
  await expect(call()).rejects.toMatchObject({ status: 504 });
  await expect.poll(() => connections).toBe(2);
  await client.close();
  mute.close();
});
