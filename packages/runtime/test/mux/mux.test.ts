// The shared response connection between real sockets: order, windows, aborts, breaks, silence, fallback.
import { randomUUID } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer } from "node:net";
import { InvalidArgumentError, UnavailableError } from "@dyn/protocol";
import { AdmissionGate, type Annotated, RequestContext, TcpRequestPlane } from "@dyn/runtime";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { msgpackCodec } from "../../src/codec/msgpack-codec.ts";
import { Answer } from "../../src/request/answer/answer.ts";
import { MuxDialer, type MuxDialerOptions } from "../../src/request/mux/mux-dialer.ts";
import { encodeGreeting, uuidToBytes } from "../../src/request/mux/mux-frame.ts";
import type { MuxSender } from "../../src/request/mux/mux-sender.ts";
import { MuxWriter } from "../../src/request/mux/mux-writer.ts";
import { CallHomeServer } from "../../src/request/tcp/call-home-server.ts";
import { openSocket } from "../../src/request/tcp/open-socket.ts";
import { openCuttingProxy } from "./cutting-proxy.ts";

const id = { namespace: "ns", component: "c", endpoint: "e" };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** On a slow machine nobody may fall back to connections of their own. */
const connectTimeoutMs = 30_000;

/** A calling process, a worker's dialer, and what stands between them. */
async function createPair(
  options: {
    readonly window?: number;
    readonly pieceBytes?: () => number;
    readonly peerTimeoutMs?: number;
    readonly dialer?: Partial<MuxDialerOptions>;
  } = {},
) {
  const problems: string[] = [];
  const onProblem = (message: string) => problems.push(message);
  const callHome = await CallHomeServer.listen({
    host: "127.0.0.1",
    port: 0,
    onProblem,
    ...(options.window === undefined ? {} : { muxWindow: options.window }),
    peerTimeoutMs: options.peerTimeoutMs ?? 360_000,
  });
  const proxy = await openCuttingProxy(callHome.port, options.pieceBytes);
  const dialer = new MuxDialer({
    security: null,
    onProblem,
    keepAliveMs: 60_000,
    connectTimeoutMs,
    ...options.dialer,
  });
  const close = async () => {
    await dialer.close();
    proxy.close();
    await callHome.close();
  };
  cleanups.push(close);
  const open = async (instanceId?: bigint) => {
    const subject = randomUUID();
    const answer = new Answer();
    callHome.expect(subject, { answer, codec: msgpackCodec, instanceId });
    const cancels: string[] = [];
    const sender = await dialer.openStream({
      target: { host: "127.0.0.1", port: proxy.port, subject },
      offer: callHome.muxOffer,
      codec: msgpackCodec,
      onCancel: (kind) => cancels.push(kind),
    });
    return { answer, sender: sender!, cancels };
  };
  return { callHome, proxy, dialer, open, problems, close };
}

async function readAll(answer: Answer): Promise<unknown[]> {
  const items: unknown[] = [];
  for (;;) {
    const next = await answer.next();
    if (next.done) return items;
    items.push(next.value.data);
  }
}

async function sendAll(sender: MuxSender, items: readonly Annotated[]): Promise<number> {
  let sent = 0;
  await sender.prologue();
  for (const item of items) {
    const ready = sender.item(item);
    sent += 1;
    if (ready !== undefined) await ready;
  }
  return sent;
}

const codeOfEnd = {
  complete: "complete",
  error: "DYN_REQUEST_INVALID_ARGUMENT",
  migrate: "DYN_RUNTIME_DISCONNECTED",
};

test("property: every stream gives its items in order and its own end, whatever the chunks, windows, readers and aborts", async () => {
  const stream = fc.record({
    sizes: fc.array(fc.nat(3_000), { maxLength: 40 }),
    end: fc.constantFrom("complete" as const, "error" as const, "migrate" as const),
    /** The caller's, before it reads the item of this index. */
    abort: fc.option(fc.record({ at: fc.nat(40), kind: fc.constantFrom("kill", "stop") })),
    isSlow: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(stream, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 2_000 })),
      async (streams, window, pieces) => {
        const pair = await createPair({ window, pieceBytes: () => pieces.next().value as number });
        const runs = streams.map(async ({ sizes, end, abort, isSlow }) => {
          const { answer, sender, cancels } = await pair.open();
          const items = sizes.map((size, i) => ({ data: { i, text: "x".repeat(size) } }));
          const produced = (async () => {
            await sendAll(sender, items);
            if (end === "complete") await sender.end();
            else if (end === "error")
              await sender.fail(new InvalidArgumentError("no", { param: "p" }));
            else sender.destroy();
          })();
          const read: unknown[] = [];
          let ended: unknown = "complete";
          try {
            for (;;) {
              if (abort?.at === read.length) answer[abort.kind]();
              if (isSlow) await new Promise((resolve) => setImmediate(resolve));
              expect(answer.unreadWeight).toBeLessThanOrEqual(window + 3_200);
              const next = await answer.next();
              if (next.done) break;
              read.push(next.value);
            }
          } catch (error) {
            ended = (error as { code?: string }).code ?? error;
          }
          await produced;
          expect(read).toEqual(items.slice(0, read.length));
          const isAborted = abort != null && abort.at <= read.length;
          if (!isAborted) {
            expect(read).toHaveLength(items.length);
            expect(ended).toBe(codeOfEnd[end]);
            expect(cancels).toEqual([]);
          } else if (abort.kind === "kill" && ended !== "complete") {
            expect([
              "DYN_REQUEST_CANCELLED",
              "DYN_REQUEST_INVALID_ARGUMENT",
              "DYN_RUNTIME_DISCONNECTED",
            ]).toContain(ended);
          }
        });
        await Promise.all(runs);
        expect(pair.proxy.connectionCount).toBe(1);
        expect(pair.problems).toEqual([]);
        await pair.close();
      },
    ),
    { numRuns: 40 },
  );
});

test("a reader that stands still holds its own stream at its window; others flow, and it goes on when it reads", async () => {
  const pair = await createPair({ window: 10_000 });
  const [slow, fast] = [await pair.open(), await pair.open()];
  const items = Array.from({ length: 500 }, (_, i) => ({ data: { i, text: "x".repeat(1_000) } }));
  let slowSent = 0;
  const sending = (async () => {
    await slow.sender.prologue();
    for (const item of items) {
      const ready = slow.sender.item(item);
      slowSent += 1;
      if (ready !== undefined) await ready;
    }
    await slow.sender.end();
  })();
  const fastSending = sendAll(fast.sender, items).then(() => fast.sender.end());
  expect(await readAll(fast.answer)).toHaveLength(500);
  await fastSending;
  expect(slowSent).toBeLessThan(20);
  expect(slow.answer.unreadWeight).toBeLessThan(12_000);
  expect(await readAll(slow.answer)).toHaveLength(500);
  await sending;
});

test("stop and kill reach the worker's stream and no other", async () => {
  const pair = await createPair();
  const [stopped, killed, untouched] = [await pair.open(), await pair.open(), await pair.open()];
  for (const { sender } of [stopped, killed, untouched]) await sender.prologue();
  await expect.poll(() => untouched.answer.hasBegun).toBe(true);
  stopped.answer.stop();
  killed.answer.kill();
  await expect.poll(() => [stopped.cancels, killed.cancels]).toEqual([["stop"], ["kill"]]);
  stopped.sender.destroy();
  expect(await readAll(stopped.answer)).toEqual([]);
  await expect(killed.answer.next()).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
  await untouched.sender.end();
  expect(await readAll(untouched.answer)).toEqual([]);
  expect(untouched.cancels).toEqual([]);
});

test("a broken connection ends all its streams as disconnected and kills them on the worker; the next request has a new one", async () => {
  const pair = await createPair();
  const streams = [await pair.open(), await pair.open()];
  for (const { sender } of streams) await sendAll(sender, [{ data: 1 }]);
  for (const { answer } of streams) expect((await answer.next()).value.data).toBe(1);
  const ends = streams.map(({ answer }) =>
    expect(answer.next()).rejects.toMatchObject({
      code: "DYN_RUNTIME_DISCONNECTED",
      retryable: true,
    }),
  );
  pair.proxy.cut();
  await Promise.all(ends);
  await expect.poll(() => streams.map(({ cancels }) => cancels)).toEqual([["kill"], ["kill"]]);
  const { answer, sender } = await pair.open();
  await sendAll(sender, [{ data: 2 }]);
  await sender.end();
  expect(await readAll(answer)).toEqual([2]);
  expect(pair.proxy.connectionCount).toBe(2);
});

test("what broke off before its caller had read a word of it is told anew, also when the worker was done with it", async () => {
  const pair = await createPair();
  const first = await pair.open();
  await first.sender.prologue();
  await expect.poll(() => first.answer.hasBegun).toBe(true);
  pair.proxy.silence();
  const [running, done] = [await pair.open(), await pair.open()];
  await running.sender.prologue();
  await done.sender.prologue();
  done.sender.item({ data: 1 });
  await done.sender.end();
  // What was held is lost with the connection.
  await new Promise((resolve) => setTimeout(resolve, 50));
  pair.proxy.cut();
  for (const { answer } of [first, running, done]) {
    await expect(readAll(answer)).rejects.toMatchObject({ code: "DYN_RUNTIME_DISCONNECTED" });
  }
  await expect.poll(() => running.cancels).toEqual(["kill"]);
});

test("a peer that vanished without a word is noticed by both sides; one that is idle is not", async () => {
  const pair = await createPair({ peerTimeoutMs: 1_500, dialer: { keepAliveMs: 250 } });
  const { answer, sender, cancels } = await pair.open();
  await sendAll(sender, [{ data: 1 }]);
  await answer.next();
  // Long enough for several questions, all answered.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(cancels).toEqual([]);
  pair.proxy.silence();
  await expect(answer.next()).rejects.toMatchObject({ code: "DYN_RUNTIME_DISCONNECTED" });
  await expect.poll(() => cancels).toEqual(["kill"]);
  expect(pair.problems.join()).toContain("silent");
});

test("what a silent worker has not begun to answer is lost with what it was at; what others are asked is not", async () => {
  const pair = await createPair({ peerTimeoutMs: 1_500 });
  const [silent, other] = [7n, 8n];
  const { answer, sender } = await pair.open(silent);
  await sender.prologue();
  await expect.poll(() => answer.hasBegun).toBe(true);
  expect([pair.callHome.watches(silent), pair.callHome.watches(other)]).toEqual([true, false]);
  const [waiting, elsewhere] = [new Answer(), new Answer()];
  for (const [asked, instanceId] of [
    [waiting, silent],
    [elsewhere, other],
  ] as const) {
    pair.callHome.expect(randomUUID(), { answer: asked, codec: msgpackCodec, instanceId });
  }
  pair.proxy.silence();
  for (const lost of [answer, waiting]) {
    await expect(lost.next()).rejects.toMatchObject({
      code: "DYN_RUNTIME_DISCONNECTED",
      retryable: true,
    });
  }
  expect(elsewhere.isEnded).toBe(false);
  expect(pair.callHome.watches(silent)).toBe(false);
});

test("a worker that stalls for less than the time-out loses nothing", async () => {
  const pair = await createPair({ peerTimeoutMs: 6_000 });
  const { answer, sender } = await pair.open();
  await sendAll(sender, [{ data: 1 }]);
  await answer.next();
  pair.proxy.hold();
  // Longer than a look and its question.
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  pair.proxy.release();
  sender.item({ data: 2 });
  expect(await answer.next()).toMatchObject({ value: { data: 2 } });
});

test("a caller that does not greet in time is answered over a connection of its own", async () => {
  const mute = createServer(() => {});
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => mute.close());
  const dialer = new MuxDialer({ security: null, connectTimeoutMs: 30 });
  cleanups.push(() => dialer.close());
  const { port } = mute.address() as { port: number };
  const target = { host: "127.0.0.1", port, subject: randomUUID() };
  const offer = { callerId: randomUUID(), window: 1_000 };
  const open = () => dialer.openStream({ target, offer, codec: msgpackCodec, onCancel: () => {} });
  expect(await open()).toBeNull();
  // Remembered: no second wait.
  expect(await open()).toBeNull();
});

test("a worker that was told of another process behind the same address is turned away and falls back", async () => {
  const callHome = await CallHomeServer.listen({ host: "127.0.0.1", port: 0 });
  cleanups.push(() => callHome.close());
  const dialer = new MuxDialer({ security: null });
  cleanups.push(() => dialer.close());
  const sender = await dialer.openStream({
    target: { host: "127.0.0.1", port: callHome.port, subject: randomUUID() },
    offer: { callerId: randomUUID(), window: 1_000 },
    codec: msgpackCodec,
    onCancel: () => {},
  });
  expect(sender).toBeNull();
});

test("an answer that nobody expects is killed on the worker", async () => {
  const pair = await createPair();
  const { answer, sender, cancels } = await pair.open();
  answer.kill();
  await sender.prologue();
  await expect.poll(() => cancels).toEqual(["kill"]);
});

test("a request that waits for its turn leaves the worker's queue as soon as its caller leaves", async () => {
  const server = new TcpRequestPlane({ muxConnectTimeoutMs: connectTimeoutMs });
  const client = new TcpRequestPlane();
  cleanups.push(
    () => server.close(),
    () => client.close(),
  );
  const admission = new AdmissionGate({ runningLimit: 1, queueLimit: 2 });
  const begun: unknown[] = [];
  const served = await server.serve(
    id,
    1n,
    async function* (request, context) {
      begun.push(request);
      yield { data: request };
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    },
    { admission },
  );
  const instance = { id, instanceId: 1n, transport: served.transport };
  const call = (name: string, context: RequestContext) => client.call(instance, name, context);
  const running = call("running", new RequestContext());
  await running.next();
  const contexts = [new RequestContext(), new RequestContext()];
  const waiting = contexts.map((context, i) => call(`waiting ${i}`, context).next());
  await expect.poll(() => admission.waitingCount).toBe(2);
  contexts[0]!.kill();
  await expect(waiting[0]).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
  await expect.poll(() => admission.waitingCount).toBe(1);
  contexts[1]!.stop();
  expect((await waiting[1]!).done).toBe(true);
  await expect.poll(() => admission.waitingCount).toBe(0);
  expect(begun).toEqual(["running"]);
  await running.return(undefined);
  await served.idle();
});

test("a worker that sends beyond the window, or what is no item, loses that stream; what is no frame ends the connection", async () => {
  const callHome = await CallHomeServer.listen({ host: "127.0.0.1", port: 0, muxWindow: 100 });
  cleanups.push(() => callHome.close());
  const { socket } = openSocket({ host: "127.0.0.1", port: callHome.port, security: null });
  cleanups.push(() => socket.destroy());
  socket.on("data", () => {});
  socket.write(encodeGreeting(callHome.muxOffer.callerId));
  const answers = [1, 2, 3].map((stream) => {
    const subject = randomUUID();
    const answer = new Answer();
    callHome.expect(subject, { answer, codec: msgpackCodec });
    return { stream, subject, answer };
  });
  const writer = new MuxWriter();
  for (const { stream, subject } of answers) writer.open(stream, uuidToBytes(subject));
  const item = msgpackCodec.encode(1);
  for (let i = 0; i < 5; i++) writer.item(1, item, true);
  writer.item(2, Buffer.from("9201", "hex"), true);
  writer.item(3, item, true);
  socket.write(writer.take());
  const [greedy, garbled, sound] = answers.map(({ answer }) => answer);
  const protocol = { code: "DYN_RUNTIME_PROTOCOL" };
  await expect(readAll(greedy!)).rejects.toMatchObject(protocol);
  await expect(readAll(garbled!)).rejects.toMatchObject(protocol);
  expect((await sound!.next()).value.data).toBe(1);
  socket.write(Buffer.from("6300000000", "hex"));
  await expect(sound!.next()).rejects.toMatchObject({ code: "DYN_RUNTIME_DISCONNECTED" });
});

test("a worker's failures end the stream as what they are: of the request, or of the worker", async () => {
  const pair = await createPair();
  const failing = async (error: unknown) => {
    const { answer, sender } = await pair.open();
    await sender.prologue();
    await sender.fail(error);
    return answer.next().catch((thrown) => thrown);
  };
  expect(await failing(new InvalidArgumentError("no", { param: "top_p" }))).toMatchObject({
    code: "DYN_REQUEST_INVALID_ARGUMENT",
    param: "top_p",
  });
  const shutdown = new UnavailableError("leaving", { code: "DYN_ENGINE_SHUTDOWN" });
  expect(await failing(shutdown)).toMatchObject({ code: "DYN_ENGINE_SHUTDOWN", retryable: true });
});

test("between two of our processes any number of answers comes over one connection; without an offer each has its own", async () => {
  let dialCount = 0;
  const onDial = () => {
    dialCount += 1;
  };
  subscribe("net.client.socket", onDial);
  cleanups.push(() => unsubscribe("net.client.socket", onDial));
  const dials = async (options: { responseMux?: boolean }) => {
    const server = new TcpRequestPlane({ ...options, muxConnectTimeoutMs: connectTimeoutMs });
    const client = new TcpRequestPlane();
    cleanups.push(
      () => server.close(),
      () => client.close(),
    );
    let running = 0;
    let goOn = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const served = await server.serve(id, 1n, async function* (request) {
      running += 1;
      for (let i = 0; i < 3; i++) yield { data: [request, i] };
      await gate;
    });
    const instance = { id, instanceId: 1n, transport: served.transport };
    dialCount = 0;
    const call = async (request: number) => {
      const items: unknown[] = [];
      const stream = client.call(instance, request, new RequestContext());
      for await (const { data } of stream) items.push(data);
      return items;
    };
    const answers = Promise.all(Array.from({ length: 200 }, (_, i) => call(i)));
    await expect.poll(() => running).toBe(200);
    goOn();
    expect(await answers).toEqual(
      Array.from({ length: 200 }, (_, i) => [0, 1, 2].map((j) => [i, j])),
    );
    return dialCount;
  };
  // One for requests, one for answers.
  expect(await dials({})).toBe(2);
  expect(await dials({ responseMux: false })).toBe(201);
});
