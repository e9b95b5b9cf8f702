// The variables of the TCP plane, from a process's options to the address and the limits that its peers meet.
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPlanes, type PlaneOptions, RequestContext } from "@dyn/runtime";
import { freePort } from "@dyn/testing";
import { afterEach, expect, test } from "vitest";
import { findOwnAddress } from "../src/event/advertised-host.ts";

const id = { namespace: "ns", component: "c", endpoint: "e" };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(options: Partial<PlaneOptions>) {
  const fileKv = mkdtempSync(join(tmpdir(), "dyn-tcp-"));
  const planes = await createPlanes({ discoveryBackend: "file", fileKv, ...options });
  cleanups.push(async () => {
    await planes.requestPlane.close();
    await planes.eventPlane.close();
    await planes.discovery.close();
    rmSync(fileKv, { recursive: true, force: true });
  });
  return planes.requestPlane;
}

const serve = (plane: Awaited<ReturnType<typeof open>>) =>
  plane.serve(id, 1n, async function* (request) {
    yield { data: request };
  });

async function ask(
  plane: Awaited<ReturnType<typeof open>>,
  transport: Readonly<Record<string, string>>,
  request: unknown,
): Promise<unknown[]> {
  const items: unknown[] = [];
  const instance = { id, instanceId: 1n, transport };
  for await (const { data } of plane.call(instance, request, new RequestContext()))
    items.push(data);
  return items;
}

test("addresses, ports and the codec are those of the options, and requests go over them", async () => {
  const [tcpRpcPort, tcpResponseStreamPort] = [await freePort(), await freePort()];
  const worker = await open({ tcpRpcHost: "localhost", tcpRpcPort, requestPlaneCodec: "json" });
  const { transport } = await serve(worker);
  expect(transport).toMatchObject({ tcp: `localhost:${tcpRpcPort}/1/ns/c/e`, codec: "json" });
  const caller = await open({ tcpResponseStreamHost: "127.0.0.1", tcpResponseStreamPort });
  expect(await ask(caller, transport, "you")).toEqual(["you"]);
});

test("without options: loopback with file discovery, any free port, msgpack", async () => {
  const { transport } = await serve(await open({}));
  expect(transport.tcp).toMatch(/^127\.0\.0\.1:\d+\/1\/ns\/c\/e$/);
  expect(transport.codec).toBe("msgpack");
});

test("an advertised address of the machine is reached, and so is the loopback of the same port", async () => {
  const host = findOwnAddress();
  const { transport } = await serve(await open({ tcpRpcHost: host }));
  const caller = await open({ tcpRpcHost: host });
  expect(transport.tcp?.startsWith(host)).toBe(true);
  expect(await ask(caller, transport, 1)).toEqual([1]);
  const tcp = transport.tcp!.replace(host, "127.0.0.1");
  expect(await ask(caller, { ...transport, tcp }, 2)).toEqual([2]);
});

test("the size limit and the time-outs are those of the options", async () => {
  const { transport } = await serve(await open({ tcpMaxMessageSize: 1_000 }));
  const large = ask(await open({}), transport, "x".repeat(2_000));
  await expect(large).rejects.toMatchObject({ status: 413 });
  const caller = await open({ tcpRequestTimeout: 0.03 });
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => mute.close());
  const { port } = mute.address() as AddressInfo;
  await expect(ask(caller, { tcp: `127.0.0.1:${port}/x` }, {})).rejects.toThrow("within 30 ms");
});
