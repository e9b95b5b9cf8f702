// What peers may do wrong, and what callers may do at any moment: the TCP plane ends it by itself.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import {
  createMemHub,
  EndpointClient,
  type Instance,
  RequestContext,
  type RequestHandler,
  recordKey,
  TcpRequestPlane,
} from "@dyn/runtime";
import { afterEach, expect, test, vi } from "vitest";
import { ByteQueue } from "../src/codec/byte-queue.ts";
import { jsonCodec } from "../src/codec/json-codec.ts";
import { decodeTwoPart, encodeTwoPart } from "../src/codec/two-part-message.ts";
import { Answer } from "../src/request/answer/answer.ts";
import { leaseExpired } from "../src/request/request-plane.ts";
import { encodeAcknowledgement } from "../src/request/tcp/acknowledgement.ts";
import { CallHomeServer } from "../src/request/tcp/call-home-server.ts";
import { decodeControlMessage, parseAddress } from "../src/request/tcp/control-message.ts";
import { listenHost } from "../src/request/tcp/listen-host.ts";
import { takeRequestFrame } from "../src/request/tcp/request-frame.ts";
import { ResponseReceiver } from "../src/request/tcp/response-receiver.ts";
import { SocketServer } from "../src/request/tcp/socket-server.ts";

const id = { namespace: "ns", component: "c", endpoint: "e" };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function createPlane(options: ConstructorParameters<typeof TcpRequestPlane>[0] = {}) {
  const plane = new TcpRequestPlane(options);
  cleanups.push(() => plane.close());
  return plane;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => socket.destroy());
  cleanups.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });
const sleep = (forMs: number) => new Promise((resolve) => setTimeout(resolve, forMs));
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const header = (value: unknown) => encodeTwoPart(json(value));
const body = (value: unknown) => encodeTwoPart(undefined, json(value));
const success = header({ error: null });
const end = Buffer.concat([body({ complete_final: true }), header("sentinel")]);

interface TakenRequest {
  readonly acknowledge: (text?: string) => void;
  /** Ends the connection that the request came over. */
  readonly hangUp: () => void;
  readonly dial: () => Promise<Socket>;
  readonly handshake: Buffer;
}

/** A worker whose every byte the test decides. */
async function createPuppet(onRequest: (request: TakenRequest) => unknown): Promise<Instance> {
  const server = createServer((socket) => {
    const queue = new ByteQueue();
    socket.on("error", () => socket.destroy());
    cleanups.push(() => socket.destroy());
    socket.on("data", (chunk) => {
      queue.push(chunk);
      const read = takeRequestFrame(queue, 1e9);
      if (read.type !== "frame") return;
      const { response } = decodeControlMessage(decodeTwoPart(read.frame.payload).header);
      onRequest({
        acknowledge: (text = "") => socket.write(encodeAcknowledgement(text)),
        hangUp: () => socket.end(),
        dial: () => dial(response.port),
        handshake: header({ subject: response.subject, stream_type: "response" }),
      });
    });
  });
  const port = await listen(server);
  return { id, instanceId: 1n, transport: { tcp: `127.0.0.1:${port}/x`, codec: "json" } };
}

async function collect(items: AsyncIterable<{ data?: unknown }>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const { data } of items) all.push(data);
  return all;
}

const cancelled = { code: "DYN_REQUEST_CANCELLED", status: 499 };

test("a kill ends the call in every phase: unacknowledged, not called home, without prologue, mid-stream", async () => {
  for (const phase of ["unacknowledged", "acknowledged", "called", "streaming"] as const) {
    const context = new RequestContext();
    let home: Socket | undefined;
    const instance = await createPuppet(async ({ acknowledge, dial, handshake }) => {
      if (phase !== "unacknowledged") acknowledge();
      if (phase === "called" || phase === "streaming") {
        home = await dial();
        home.resume();
        home.write(handshake);
        if (phase === "streaming") {
          home.write(Buffer.concat([success, body({ data: { data: 1 }, complete_final: false })]));
        }
      }
      if (phase !== "streaming") setTimeout(() => context.kill(), 20);
    });
    const items: unknown[] = [];
    const call = (async () => {
      for await (const { data } of createPlane().call(instance, {}, context)) {
        items.push(data);
        context.kill();
      }
    })();
    await expect(call).rejects.toMatchObject(cancelled);
    expect(items).toEqual(phase === "streaming" ? [1] : []);
    if (home !== undefined) await closed(home);
  }
});

test("a worker that dies with what it took and had not begun is given up by its connection, not by discovery", async () => {
  const instance = await createPuppet(({ acknowledge, hangUp }) => {
    acknowledge();
    hangUp();
  });
  // Its record is still there: nobody withdraws it.
  const call = collect(createPlane().call(instance, {}, new RequestContext()));
  await expect(call).rejects.toMatchObject({
    code: "DYN_RUNTIME_DISCONNECTED",
    retryable: true,
    message: expect.stringContaining("before it began to answer"),
  });
});

test("an answer that has begun outlives the connection that its request came over", async () => {
  const instance = await createPuppet(async ({ acknowledge, hangUp, dial, handshake }) => {
    acknowledge();
    const home = await dial();
    home.resume();
    home.write(Buffer.concat([handshake, success]));
    home.write(body({ data: { data: 1 }, complete_final: false }));
    hangUp();
    await sleep(400);
    home.write(Buffer.concat([body({ data: { data: 2 }, complete_final: false }), end]));
  });
  const items = await collect(createPlane().call(instance, {}, new RequestContext()));
  expect(items).toEqual([1, 2]);
});

test("an acknowledgement of unknown words is a refusal, not a wait without end", async () => {
  const words = [
    ["Unknown endpoint: x", 502],
    ["Decode error: header", 502],
    ["Server overloaded: worker at capacity", 529],
    ["Server unavailable: unknown endpoint x", 503],
    ["Read error: message too large: 9 bytes (max: 8 bytes)", 413],
  ] as const;
  for (const [text, status] of words) {
    const instance = await createPuppet(({ acknowledge }) => acknowledge(text));
    const call = collect(createPlane().call(instance, {}, new RequestContext()));
    await expect(call).rejects.toMatchObject({ status, message: expect.stringContaining(text) });
  }
});

test("a worker that takes a request and never begins to answer costs the deadline", async () => {
  const plane = createPlane({ prologueTimeoutMs: 30 });
  const silent = await createPuppet(({ acknowledge }) => acknowledge());
  const deadline = { code: "DYN_REQUEST_DEADLINE_EXCEEDED", status: 504, retryable: true };
  await expect(collect(plane.call(silent, {}, new RequestContext()))).rejects.toMatchObject(
    deadline,
  );
  let home: Socket | undefined;
  const shaking = await createPuppet(async ({ acknowledge, dial, handshake }) => {
    acknowledge();
    home = await dial();
    home.resume();
    home.write(handshake);
  });
  await expect(collect(plane.call(shaking, {}, new RequestContext()))).rejects.toMatchObject(
    deadline,
  );
  // It may still be on its way when the time is over.
  await expect.poll(() => home?.destroyed).toBe(true);
});

test("a body that is none is answered, over one's own connection and over the shared one", async () => {
  for (const responseMux of [true, false]) {
    const server = createPlane({ responseMux });
    const served = await server.serve(id, 1n, async function* () {
      yield { data: 1 };
    });
    const instance = { id, instanceId: 1n, transport: { ...served.transport, codec: "json" } };
    const encode = vi.spyOn(jsonCodec, "encode").mockReturnValueOnce(Buffer.from("{"));
    cleanups.push(() => encode.mockRestore());
    const ask = () => collect(createPlane().call(instance, {}, new RequestContext()));
    await expect(ask()).rejects.toMatchObject({
      message: "The body of the request cannot be decoded.",
    });
    encode.mockRestore();
    expect(await ask()).toEqual([1]);
  }
});

test("a killed request is turned away when its worker calls home late", async () => {
  const context = new RequestContext();
  let isTurnedAway = false;
  const instance = await createPuppet(async ({ acknowledge, dial, handshake }) => {
    acknowledge();
    await sleep(10);
    context.kill();
    await sleep(10);
    const home = await dial();
    home.write(handshake);
    await closed(home);
    isTurnedAway = true;
  });
  await expect(collect(createPlane().call(instance, {}, context))).rejects.toMatchObject(cancelled);
  await expect.poll(() => isTurnedAway).toBe(true);
});

test("items that were under way when stop was sent are still given, and a bare close then ends the stream", async () => {
  const context = new RequestContext();
  const instance = await createPuppet(async ({ acknowledge, dial, handshake }) => {
    acknowledge();
    const home = await dial();
    home.write(
      Buffer.concat([handshake, success, body({ data: { data: 1 }, complete_final: false })]),
    );
    home.once("data", (control) => {
      expect(decodeTwoPart(control).header.toString()).toBe('"stop"');
      home.end(body({ data: { data: 2 }, complete_final: false }));
    });
  });
  const items: unknown[] = [];
  for await (const { data } of createPlane().call(instance, {}, context)) {
    items.push(data);
    context.stop();
  }
  expect(items).toEqual([1, 2]);
});

test("a worker may dial late, and only the first caller of a subject is heard", async () => {
  const instance = await createPuppet(async ({ acknowledge, dial, handshake }) => {
    acknowledge();
    await sleep(50);
    const first = await dial();
    first.write(handshake);
    await sleep(20);
    const second = await dial();
    second.write(
      Buffer.concat([
        handshake,
        success,
        body({ data: { data: "second" }, complete_final: false }),
      ]),
    );
    await closed(second);
    first.write(
      Buffer.concat([success, body({ data: { data: "first" }, complete_final: false }), end]),
    );
  });
  expect(await collect(createPlane().call(instance, {}, new RequestContext()))).toEqual(["first"]);
});

test("an instance that leaves before its prologue ends the request as disconnected; behind the prologue it goes on", async () => {
  const withdrawal = new AbortController();
  const waiting = await createPuppet(({ acknowledge }) => {
    acknowledge();
    setTimeout(() => withdrawal.abort(), 20);
  });
  const plane = createPlane({ withdrawnGraceMs: 50 });
  const settings = { withdrawn: withdrawal.signal };
  await expect(
    collect(plane.call(waiting, {}, new RequestContext(), settings)),
  ).rejects.toMatchObject({ code: "DYN_RUNTIME_DISCONNECTED", retryable: true });
  await expect(
    collect(plane.call(waiting, {}, new RequestContext(), settings)),
  ).rejects.toMatchObject({ code: "DYN_RUNTIME_DISCONNECTED" });

  const late = new AbortController();
  const item = (data: number) => body({ data: { data }, complete_final: false });
  let goOn = () => {};
  const answering = await createPuppet(async ({ acknowledge, dial, handshake }) => {
    acknowledge();
    const home = await dial();
    home.write(Buffer.concat([handshake, success, item(1)]));
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
    home.write(Buffer.concat([item(2), end]));
  });
  const items: unknown[] = [];
  const call = plane.call(answering, {}, new RequestContext(), { withdrawn: late.signal });
  for await (const { data } of call) {
    items.push(data);
    if (late.signal.aborted) continue;
    late.abort();
    // Behind the grace of those that have not begun.
    setTimeout(goOn, 100);
  }
  expect(items).toEqual([1, 2]);
});

test("an instance whose lease has expired must speak; one that does goes on", async () => {
  const expiry = new AbortController();
  const settings = { withdrawn: expiry.signal };
  const plane = createPlane({ withdrawnGraceMs: 1_000 });
  const begin = async ({ acknowledge, dial, handshake }: TakenRequest) => {
    acknowledge();
    const home = await dial();
    home.resume();
    home.write(Buffer.concat([handshake, success]));
    home.write(body({ data: { data: 1 }, complete_final: false }));
    return home;
  };
  const silent = await createPuppet(async (puppet) => void (await begin(puppet)));
  const mute = await createPuppet(({ acknowledge }) => acknowledge());
  const talking = await createPuppet(async (puppet) => {
    const home = await begin(puppet);
    for (let i = 0; i < 80; i++) {
      await sleep(20);
      home.write(body({ data: { data: 2 }, complete_final: false }));
    }
    home.write(end);
  });
  const calls = [silent, mute, talking].map((instance) =>
    collect(plane.call(instance, {}, new RequestContext(), settings)),
  );
  setTimeout(() => expiry.abort(leaseExpired), 50);
  // This process stands still for longer than the grace: what was said meanwhile counts.
  setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500), 400);
  const [broken, never, whole] = await Promise.allSettled(calls);
  for (const call of [broken, never]) {
    expect(call).toMatchObject({ reason: { code: "DYN_RUNTIME_DISCONNECTED", retryable: true } });
  }
  expect(whole).toMatchObject({ status: "fulfilled", value: { length: 81 } });
});

test("close ends what waits and what runs at once, leaves no handle, and nothing opens again", async () => {
  const server = createPlane();
  const client = createPlane();
  const hang: RequestHandler = async function* (request, context) {
    if (request === "begin") yield { data: 1 };
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
  };
  const served = await server.serve(id, 1n, hang);
  const instance = { id, instanceId: 1n, transport: served.transport };
  const mute = await createPuppet(({ acknowledge }) => acknowledge());
  const running = client.call(instance, "begin", new RequestContext());
  await running.next();
  const waiting = [
    running.next(),
    collect(client.call(instance, "wait", new RequestContext())),
    collect(client.call(mute, {}, new RequestContext())),
  ].map((call) => expect(call).rejects.toMatchObject({ code: "DYN_RUNTIME_CLOSED" }));
  await expect.poll(() => served.inflightCount).toBe(2);
  await client.close();
  await Promise.all(waiting);
  await served.idle({ signal: AbortSignal.timeout(30_000) });
  await server.close();
  await expect(collect(client.call(instance, {}, new RequestContext()))).rejects.toMatchObject({
    code: "DYN_RUNTIME_CLOSED",
  });
  await expect(server.serve(id, 1n, hang)).rejects.toMatchObject({ code: "DYN_RUNTIME_CLOSED" });
});

test("close kills the requests of an endpoint that refuses and still finishes", async () => {
  const server = createPlane();
  const served = await server.serve(id, 1n, async function* (_request, context) {
    yield { data: 1 };
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
  });
  const instance = { id, instanceId: 1n, transport: served.transport };
  const call = createPlane().call(instance, {}, new RequestContext());
  await call.next();
  served.refuse();
  await server.close();
  await expect(call.next()).rejects.toMatchObject({ code: "DYN_RUNTIME_DISCONNECTED" });
  expect(served.inflightCount).toBe(0);
});

test("an earlier endpoint of a path does not take its successor away", async () => {
  const server = createPlane();
  const first = await server.serve(id, 1n, async function* () {
    yield { data: "first" };
  });
  const second = await server.serve(id, 1n, async function* () {
    yield { data: "second" };
  });
  first.refuse();
  const instance = { id, instanceId: 1n, transport: second.transport };
  expect(await collect(createPlane().call(instance, {}, new RequestContext()))).toEqual(["second"]);
});

test("an address that is taken is named, and can be tried again", async () => {
  const port = await listen(createServer());
  const plane = createPlane({ requestPort: port });
  const serve = () => plane.serve(id, 1n, async function* () {});
  for (let i = 0; i < 2; i++) {
    await expect(serve()).rejects.toMatchObject({
      code: "DYN_RUNTIME_CANNOT_LISTEN",
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  }
});

test("garbage on the call-home port is cut off and told, and the port goes on", async () => {
  const problems: string[] = [];
  const callHome = await CallHomeServer.listen({
    host: "127.0.0.1",
    port: 0,
    onProblem: (message) => problems.push(message),
  });
  cleanups.push(() => callHome.close());
  const garbage = [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    header(null),
    header({ subject: 1 }),
    header({ subject: "x", stream_type: "sideways" }),
    encodeTwoPart(Buffer.from("{")),
    Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]),
  ];
  for (const bytes of garbage) {
    const socket = await dial(callHome.port);
    socket.write(bytes);
    await closed(socket);
  }
  expect(problems).toHaveLength(garbage.length);
  expect(problems.at(-1)).toContain("speaks TLS");
  expect((await dial(callHome.port)).destroyed).toBe(false);
});

test("of connections that say nothing the oldest gives way; one that spoke stays", async () => {
  const sockets: Socket[] = [];
  const server = await SocketServer.listen({
    purpose: "a test",
    host: "127.0.0.1",
    port: 0,
    security: null,
    maxSilent: 50,
    onSocket: (socket) => sockets.push(socket),
    onProblem: () => {},
  });
  cleanups.push(() => server.close());
  const speaker = await dial(server.port);
  await expect.poll(() => sockets.length).toBe(1);
  server.spoke(sockets[0]!);
  const silent: Socket[] = [];
  for (let i = 0; i < 500; i++) silent.push(await dial(server.port));
  await expect.poll(() => sockets.filter((socket) => !socket.destroyed).length).toBe(51);
  expect(speaker.destroyed).toBe(false);
  expect(silent.at(-1)!.destroyed).toBe(false);
});

test("big items count by their bytes: the socket is paused long before 64 of them", async () => {
  const port = await listen(
    createServer((socket) => {
      socket.on("error", () => socket.destroy());
      cleanups.push(() => socket.destroy());
      ResponseReceiver.attach(socket, Buffer.alloc(0), answer, jsonCodec);
      attached = socket;
    }),
  );
  let attached: Socket | undefined;
  const answer = new Answer();
  const worker = await dial(port);
  worker.write(success);
  const item = body({ data: { data: "x".repeat(400_000) }, complete_final: false });
  for (let i = 0; i < 100; i++) worker.write(item);
  worker.write(end);
  await expect.poll(() => attached?.isPaused()).toBe(true);
  expect(worker.writableLength).toBeGreaterThan(10 * item.length);
  let count = 0;
  while (!(await answer.next()).done) count += 1;
  expect(count).toBe(100);
});

test("what a refused peer goes on to send is let go", async () => {
  const plane = createPlane({ maxPayloadBytes: 1_000 });
  const served = await plane.serve(id, 1n, async function* () {});
  const { port } = parseAddress(served.transport.tcp!.split("/")[0]!);
  const socket = await dial(port);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(4_000_000_000, 4);
  socket.write(head);
  const [refusal] = await once(socket, "data");
  expect(refusal.toString()).toContain(
    "Read error: message too large: 4000000000 bytes (max: 1000 bytes)",
  );
  await closed(socket);
});

test("loopback is listened on as it is told, anything else on all interfaces", () => {
  expect(listenHost("127.0.0.1")).toBe("127.0.0.1");
  expect(listenHost("localhost")).toBe("localhost");
  expect(listenHost("::1")).toBe("::1");
  expect(listenHost("10.0.0.7")).toBe("0.0.0.0");
  expect(listenHost("worker-7.example")).toBe("0.0.0.0");
  expect(listenHost("fd00::7")).toBe("::");
});

test("a client ends what a vanished instance has not begun to answer", async () => {
  const { discovery } = createMemHub().createPlanes();
  const instance = await createPuppet(({ acknowledge }) => acknowledge());
  const record = { type: "instance", instance } as const;
  await discovery.put(record);
  const client = new EndpointClient(id, { discovery, requestPlane: createPlane() });
  cleanups.push(() => client.close());
  const call = expect(collect(client.generate({}))).rejects.toMatchObject({
    code: "DYN_RUNTIME_DISCONNECTED",
    retryable: true,
  });
  await expect.poll(() => client.inflight(1n)).toBe(1);
  await discovery.delete(recordKey(record));
  await call;
});
