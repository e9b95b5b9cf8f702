// The request plane over NATS: Dynamo 1.6.1's bytes, then a real nats-server.
import { readFileSync } from "node:fs";
import { requestToWire } from "@dyn/protocol";
import { type Instance, NatsRequestPlane, RequestContext } from "@dyn/runtime";
import { NatsServer } from "@dyn/testing";
import { connect, type Msg } from "@nats-io/transport-node";
import { afterAll, describe, expect, test } from "vitest";
import { msgpackCodec } from "../src/codec/msgpack-codec.ts";
import { decodeTwoPart } from "../src/codec/two-part-message.ts";
import { requestSubject } from "../src/request/nats/nats-request-plane.ts";
import { decodeControlMessage } from "../src/request/tcp/control-message.ts";
import { encodeRequestPayload } from "../src/request/tcp/request-payload.ts";
import { requestPlaneConformance } from "./conformance/request-plane.ts";

const vector = JSON.parse(
  readFileSync(new URL("./fixtures/events/nats-request.json", import.meta.url), "utf8"),
) as {
  hex: string;
  decoded: { line: string; nats_headers: string; control: object; body: object };
};
const recorded = Buffer.from(vector.hex, "hex");
const [, recordedSubject, , headerBytes, totalBytes] = vector.decoded.line.split(" ");
const payloadAt = recorded.indexOf("\r\n") + 2 + Number(headerBytes);
const recordedPayload = recorded.subarray(
  payloadAt,
  payloadAt + Number(totalBytes) - Number(headerBytes),
);

test("the recorded request is read, and written as the same bytes", () => {
  const { header, body } = decodeTwoPart(recordedPayload);
  expect(JSON.parse(header.toString())).toEqual(vector.decoded.control);
  expect(msgpackCodec.decode(body)).toEqual(vector.decoded.body);
  const control = decodeControlMessage(header);
  const again = encodeRequestPayload({
    codec: msgpackCodec,
    response: control.response,
    context: new RequestContext({ id: control.id }),
    body: requestToWire(msgpackCodec.decode(body)),
  });
  expect(again.toString("hex")).toBe(recordedPayload.toString("hex"));
  const id = { namespace: "nt", component: "backend", endpoint: "generate" };
  expect(requestSubject(id, 0x2040a1fc39bfae10n)).toBe(recordedSubject);
});

const server = await NatsServer.start();

describe.skipIf(server === null)("nats", () => {
  const nats = server!;
  const servers = [nats?.url ?? ""];
  const create = (options: object = {}) => NatsRequestPlane.connect({ servers, ...options });
  const id = { namespace: "nt", component: "backend", endpoint: "generate" };
  const instanceOf = (transport: Instance["transport"]): Instance => ({
    id,
    instanceId: 1n,
    transport,
  });
  const ask = async (plane: NatsRequestPlane, instance: Instance, request: unknown = {}) => {
    const items: unknown[] = [];
    for await (const { data } of plane.call(instance, request, new RequestContext())) {
      items.push(data);
    }
    return items;
  };
  afterAll(() => nats.close());

  for (const codec of ["msgpack", "json"] as const) {
    requestPlaneConformance(`nats, ${codec}`, async () => ({
      server: await create({ codec }),
      client: await create(),
    }));
  }

  test("a request is what the reference sends: subject, headers, reply; an empty reply accepts", async () => {
    const plane = await create({ prologueTimeoutMs: 50 });
    const worker = await connect({ servers });
    const got = new Promise<Msg>((resolve) => {
      worker.subscribe("nt_backend.generate-1", {
        queue: "q",
        callback: (_error, message) => {
          message.respond();
          resolve(message);
        },
      });
    });
    await worker.flush();
    const asked = ask(plane, instanceOf({ nats_tcp: "nt_backend.generate-1", codec: "msgpack" }));
    const failed = expect(asked).rejects.toThrow("did not begin to answer");
    const message = await got;
    expect(message.headers?.keys()).toEqual(
      [...vector.decoded.nats_headers.matchAll(/^([\w-]+):/gm)].map(([, name]) => name),
    );
    const { header } = decodeTwoPart(Buffer.from(message.data));
    expect(Object.keys(JSON.parse(header.toString()))).toEqual(Object.keys(vector.decoded.control));
    await failed;
    await worker.close();
    await plane.close();
  });

  test("who asks the micro service is told of the endpoints", async () => {
    const plane = await create();
    await plane.serve(id, 0xabn, async function* () {});
    const tool = await connect({ servers });
    for (const [verb, subject] of [
      ["ping", "$SRV.PING"],
      ["info", "$SRV.INFO.nt_backend"],
      ["stats", "$SRV.STATS.nt_backend.ab"],
    ] as const) {
      const answer = (await tool.request(subject, "")).json<Record<string, unknown>>();
      expect(answer).toMatchObject({
        type: `io.nats.micro.v1.${verb}_response`,
        name: "nt_backend",
        id: "ab",
      });
      if (verb === "ping") continue;
      expect(answer.endpoints).toMatchObject([
        { name: "generate-ab", subject: "nt_backend.generate-ab", queue_group: "q" },
      ]);
    }
    await tool.close();
    await plane.close();
  });

  test("nobody on the subject, garbage, and a request over the server's limit are named", async () => {
    const plane = await create();
    const nobody = instanceOf({ nats_tcp: "nt_backend.nobody-1" });
    await expect(ask(plane, nobody)).rejects.toMatchObject({
      code: "DYN_RUNTIME_CANNOT_CONNECT",
      retryable: true,
    });
    const served = await plane.serve(id, 1n, async function* () {});
    const tool = await connect({ servers });
    const refusal = await tool.request(served.transport.nats_tcp!, "garbage");
    expect(refusal.string()).toMatch(/^Server unavailable: unreadable request/);
    await tool.close();
    const large = { text: "x".repeat(2 * 1024 * 1024) };
    await expect(ask(plane, instanceOf(served.transport), large)).rejects.toMatchObject({
      status: 413,
      message: expect.stringContaining("max_payload"),
    });
    await expect(ask(plane, instanceOf({ tcp: "127.0.0.1:1/x" }))).rejects.toThrow("over nats");
    await plane.close();
  });

  test("an acknowledgement that does not come ends one request, by its deadline or by a kill", async () => {
    const plane = await create({ acknowledgementTimeoutMs: 50 });
    const patient = await create();
    const mute = await connect({ servers });
    mute.subscribe("nt_backend.mute-1");
    await mute.flush();
    const instance = instanceOf({ nats_tcp: "nt_backend.mute-1" });
    await expect(ask(plane, instance)).rejects.toMatchObject({ status: 504 });
    const context = new RequestContext();
    const next = patient.call(instance, {}, context)[Symbol.asyncIterator]().next();
    setTimeout(() => context.kill(), 20);
    await expect(next).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
    await mute.close();
    await Promise.all([plane.close(), patient.close()]);
  });

  test("a request whose acknowledgement went down with the server ends at once", async () => {
    const [plane, mute] = [await create(), await connect({ servers, reconnect: false })];
    const taken = new Promise((resolve) => {
      mute.subscribe("nt_backend.mute-2", { callback: resolve });
    });
    await mute.flush();
    const asked = ask(plane, instanceOf({ nats_tcp: "nt_backend.mute-2" }));
    const failed = expect(asked).rejects.toMatchObject({
      code: "DYN_RUNTIME_NATS_UNREACHABLE",
      retryable: true,
    });
    await taken;
    await nats.kill();
    await failed;
    await nats.resume();
    await Promise.all([plane.close(), mute.close()]);
  });

  test("a server that restarts: running answers go on, waiting requests are sent on its return", async () => {
    const [worker, caller] = [await create(), await create()];
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const served = await worker.serve(id, 1n, async function* (request) {
      yield { data: "begun" };
      if (request === "long") await released;
      yield { data: "done" };
    });
    const instance = instanceOf(served.transport);
    const running = caller.call(instance, "long", new RequestContext())[Symbol.asyncIterator]();
    expect((await running.next()).value.data).toBe("begun");
    await nats.kill();
    const waiting = expect.poll(() => ask(caller, instance).catch(() => []));
    const answered = waiting.toEqual(["begun", "done"]);
    release();
    expect((await running.next()).value.data).toBe("done");
    expect((await running.next()).done).toBe(true);
    await nats.resume();
    await answered;
    await Promise.all([worker.close(), caller.close()]);
  });
});
