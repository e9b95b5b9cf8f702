import { DynError, InvalidArgumentError } from "@dyn/protocol";
import type {
  Annotated,
  EndpointId,
  Instance,
  RequestContext,
  RequestEnd,
  RequestObserver,
  RequestPlane,
} from "@dyn/runtime";
import { AdmissionGate, RequestContext as Context, EncodedMsgpack } from "@dyn/runtime";
import { afterEach, describe, expect, test } from "vitest";
import { msgpackCodec } from "../../src/codec/msgpack-codec.ts";

const id: EndpointId = { namespace: "ns", component: "backend", endpoint: "generate" };

async function collect<T>(items: AsyncIterable<Annotated<T>>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) if (item.data !== undefined) all.push(item.data);
  return all;
}

const until = async (condition: () => boolean) => {
  const end = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error("The awaited condition did not come true in 30 s.");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};

/** What every request plane must do. `createPair` gives a serving and a calling side. */
export function requestPlaneConformance(
  name: string,
  createPair: () => Promise<{ server: RequestPlane; client: RequestPlane }>,
): void {
  describe(`request plane ${name}`, () => {
    const open: RequestPlane[] = [];
    afterEach(async () => {
      await Promise.all(open.splice(0).map((plane) => plane.close()));
    });

    async function serve(
      handler: (request: unknown, context: RequestContext) => AsyncIterable<Annotated>,
      admission?: AdmissionGate,
      input?: "one" | "many",
      items?: "bare",
      observer?: RequestObserver,
    ) {
      const { server, client } = await createPair();
      open.push(server, client);
      const served = await server.serve(id, 7n, handler, {
        admission,
        observer,
        ...(input === undefined ? {} : { input }),
        ...(items === undefined ? {} : { items }),
      });
      const instance: Instance = { id, instanceId: 7n, transport: served.transport };
      return { served, instance, client };
    }

    test("gives all items in order, and nothing more", async () => {
      const { client, instance, served } = await serve(async function* (request) {
        for (let i = 0; i < 100; i++) yield { data: { request, i } };
      });
      const items = await collect(client.call(instance, { text: "ä" }, new Context()));
      expect(items).toEqual(Array.from({ length: 100 }, (_, i) => ({ request: { text: "ä" }, i })));
      await served.idle();
      expect(served.inflightCount).toBe(0);
    });

    test("carries id, metadata and trace of a request to its handler, and its handler's own calls", async () => {
      const { client, instance } = await serve(async function* (_request, context) {
        const child = context.createChild();
        child.release();
        const told = ({ id, metadata, trace }: RequestContext) => ({ id, metadata, trace });
        yield { data: [told(context), told(child)] };
      });
      const trace = {
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        tracestate: "a=1,b=2",
      };
      const told = { id: "request-1", metadata: { tenant: "ä" }, trace };
      expect(await collect(client.call(instance, null, new Context(told)))).toEqual([[told, told]]);
      const plain = { id: "request-2", metadata: {}, trace: null };
      expect(await collect(client.call(instance, null, new Context(plain)))).toEqual([
        [plain, plain],
      ]);
    });

    test("runs as many as its gate lets, in turn, and refuses beyond its queue", async () => {
      const gate = new AdmissionGate({ runningLimit: 2, queueLimit: 2 });
      let running = 0;
      let most = 0;
      const go: (() => void)[] = [];
      const { client, instance, served } = await serve(async function* (request) {
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => go.push(resolve));
        running -= 1;
        yield { data: request };
      }, gate);
      const asked: Promise<unknown[]>[] = [];
      for (let i = 0; i < 4; i++) {
        asked.push(collect(client.call(instance, i, new Context())));
        await until(() => gate.runningCount + gate.waitingCount === i + 1);
      }
      await until(() => running === 2);
      const refused = (async () => collect(client.call(instance, 4, new Context())))();
      await expect(refused).rejects.toMatchObject({
        code: "DYN_REQUEST_OVERLOADED",
        status: 529,
        retryable: true,
      });
      expect([gate.runningCount, gate.waitingCount, gate.refusedCount]).toEqual([2, 2, 1]);
      expect(served.inflightCount).toBe(4);
      for (let done = 0; done < 4; done++) {
        await until(() => go.length > 0);
        go.shift()!();
      }
      expect(await Promise.all(asked)).toEqual([[0], [1], [2], [3]]);
      await served.idle();
      expect([gate.runningCount, gate.waitingCount, most]).toEqual([0, 0, 2]);
    });

    test("lets a request that waits go with its caller; those behind it have their turn", async () => {
      const gate = new AdmissionGate({ runningLimit: 1, queueLimit: 4 });
      let isFirstRunning = false;
      let endFirst = () => {};
      const { client, instance, served } = await serve(async function* (request, context) {
        if (request === "first") {
          isFirstRunning = true;
          await new Promise<void>((resolve) => {
            endFirst = resolve;
          });
        }
        // On a network its worker learns that the caller left when it calls home.
        if (request === "left") {
          await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        }
        yield { data: request };
      }, gate);
      const first = collect(client.call(instance, "first", new Context()));
      await until(() => isFirstRunning);
      const context = new Context();
      const left = collect(client.call(instance, "left", context));
      await until(() => gate.waitingCount === 1);
      context.kill();
      await expect(left).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
      const second = collect(client.call(instance, "second", new Context()));
      await new Promise((resolve) => setTimeout(resolve, 20));
      endFirst();
      expect(await first).toEqual(["first"]);
      expect(await second).toEqual(["second"]);
      await served.idle();
      expect([gate.runningCount, gate.waitingCount]).toEqual([0, 0]);
    });

    test("ends requests that wait when the endpoint closes", async () => {
      const gate = new AdmissionGate({ runningLimit: 1, queueLimit: 4 });
      const begun: unknown[] = [];
      const { client, instance, served } = await serve(async function* (request, context) {
        begun.push(request);
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        yield* [];
      }, gate);
      const caller = new Context();
      const first = collect(client.call(instance, "first", caller)).catch(() => "ended");
      await until(() => begun.length === 1);
      const waiting = collect(client.call(instance, "waiting", caller)).catch(() => "ended");
      await until(() => gate.waitingCount === 1);
      await served.close();
      expect(begun).toEqual(["first"]);
      expect([gate.runningCount, gate.waitingCount]).toEqual([0, 0]);
      caller.kill();
      expect([await first, await waiting]).toEqual(["ended", "ended"]);
    });

    test("carries events beside the data, and an empty answer", async () => {
      const { client, instance } = await serve(async function* (request) {
        if (request === "empty") return;
        yield { event: "note", comment: ["hello"] };
        yield { data: 1 };
      });
      const items: Annotated[] = [];
      for await (const item of client.call(instance, "events", new Context())) items.push(item);
      expect(items).toEqual([{ event: "note", comment: ["hello"] }, { data: 1 }]);
      expect(await collect(client.call(instance, "empty", new Context()))).toEqual([]);
    });

    test("bare items are read as data, whatever their keys", async () => {
      const answers = [{ TreeDump: { events: [] } }, { Error: "no" }, { other: 1, more: null }];
      const handler = async function* () {
        for (const data of answers) yield { data };
      };
      const { client, instance } = await serve(handler, undefined, undefined, "bare");
      const read = await collect<Record<string, unknown>>(
        client.call(instance, {}, new Context()) as AsyncIterable<
          Annotated<Record<string, unknown>>
        >,
      );
      expect(read.map((item) => Object.entries(item)[0])).toEqual(
        answers.map((item) => Object.entries(item)[0]),
      );
    });

    test("what is MessagePack already arrives as the value that it is", async () => {
      const value = { text: "ä", ids: [1, 2n ** 63n], none: null };
      const bytes = msgpackCodec.encode(value);
      const { client, instance } = await serve(async function* () {
        yield { data: new EncodedMsgpack(bytes, () => msgpackCodec.decode(bytes)) };
      });
      expect(await collect(client.call(instance, {}, new Context()))).toEqual([value]);
    });

    test("an error of the handler keeps code, status and text, before and after items", async () => {
      const { client, instance } = await serve(async function* (request) {
        if (request === "late") yield { data: 1 };
        throw new InvalidArgumentError("temperature must be at least 0, got -1.", {
          param: "temperature",
        });
      });
      for (const when of ["early", "late"]) {
        const error = await collect(client.call(instance, when, new Context())).catch((e) => e);
        expect(DynError.is(error)).toBe(true);
        expect(error).toMatchObject({
          code: "DYN_REQUEST_INVALID_ARGUMENT",
          status: 400,
          param: "temperature",
          message: "temperature must be at least 0, got -1.",
        });
      }
    });

    test("kill ends the caller at once and reaches the handler", async () => {
      let seen: RequestContext | undefined;
      const { client, instance, served } = await serve(async function* (_request, context) {
        seen = context;
        yield { data: 1 };
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      });
      const context = new Context();
      const call = (async () => {
        for await (const _ of client.call(instance, null, context)) context.kill();
      })();
      await expect(call).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
      await until(() => seen?.isKilled === true);
      await served.idle();
    });

    test("kill before the first item reaches the handler too", async () => {
      let stopped = false;
      const { client, instance, served } = await serve(async function* (_request, context) {
        await new Promise<void>((resolve) =>
          context.signal.addEventListener("abort", () => resolve()),
        );
        stopped = context.isStopped;
      });
      const context = new Context();
      const call = collect(client.call(instance, null, context));
      setTimeout(() => context.kill(), 5);
      await expect(call).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
      await until(() => stopped);
      await served.idle();
    });

    test("leaving the stream stops the handler", async () => {
      let ended = false;
      const { client, instance, served } = await serve(async function* (_request, context) {
        try {
          for (let i = 0; !context.isStopped; i++) {
            yield { data: i };
            await new Promise((resolve) => setImmediate(resolve));
          }
        } finally {
          ended = true;
        }
      });
      for await (const _ of client.call(instance, null, new Context())) break;
      await until(() => ended);
      await served.idle();
    });

    test("a caller that does not read holds its own handler, and no other", async () => {
      const produced = { slow: 0, fast: 0 };
      const { client, instance } = await serve(async function* (request) {
        const key = request as "slow" | "fast";
        for (let i = 0; i < 20_000; i++) {
          produced[key] = i;
          yield { data: "x".repeat(1_000) };
        }
      });
      const context = new Context();
      const slow = client.call(instance, "slow", context)[Symbol.asyncIterator]();
      await slow.next();
      expect(await collect(client.call(instance, "fast", new Context()))).toHaveLength(20_000);
      expect(produced.slow).toBeLessThan(19_000);
      context.kill();
    });

    test("after refuse new requests are unavailable and running ones finish", async () => {
      let release = () => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      const { client, instance, served } = await serve(async function* () {
        yield { data: "first" };
        await gate;
        yield { data: "last" };
      });
      const stream = client.call(instance, null, new Context())[Symbol.asyncIterator]();
      expect((await stream.next()).value.data).toBe("first");
      served.refuse();
      await expect(
        (async () => collect(client.call(instance, null, new Context())))(),
      ).rejects.toMatchObject({ status: 503, retryable: true });
      release();
      expect((await stream.next()).value.data).toBe("last");
      expect((await stream.next()).done).toBe(true);
      await served.idle({ signal: AbortSignal.timeout(30_000) });
    });

    test("an instance that is not there is unavailable", async () => {
      const { client, instance, served } = await serve(async function* () {});
      await served.close();
      await expect(
        (async () => collect(client.call(instance, null, new Context())))(),
      ).rejects.toMatchObject({ status: 503, retryable: true });
    });

    const many = { input: "many" } as const;
    async function* itemsOf(count: number) {
      for (let i = 0; i < count; i++) yield { i };
    }

    test("bidirectional: items go both ways in order while both are open", async () => {
      const { client, instance, served } = await serve(
        async function* (request) {
          for await (const item of request as AsyncIterable<{ i: number }>) {
            yield { data: item.i * 2 };
          }
          yield { data: "end" };
        },
        undefined,
        "many",
      );
      const answered: unknown[] = [];
      let wake = () => {};
      // Each item is sent when the one before it has been answered.
      async function* items() {
        for (let i = 0; i < 20; i++) {
          while (answered.length < i) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          yield { i };
        }
      }
      for await (const { data } of client.call(instance, items(), new Context(), many)) {
        answered.push(data);
        wake();
      }
      expect(answered).toEqual([...Array.from({ length: 20 }, (_, i) => i * 2), "end"]);
      const call = client.call(instance, itemsOf(500), new Context(), many);
      expect(await collect(call)).toHaveLength(501);
      const none = client.call(instance, itemsOf(0), new Context(), many);
      expect(await collect(none)).toEqual(["end"]);
      await served.idle();
    });

    test("bidirectional: an answer that ends, and a caller that kills, leave the items; a worker that does not read holds them", async () => {
      const { client, instance, served } = await serve(
        async function* (request, context) {
          const items = (request as AsyncIterable<unknown>)[Symbol.asyncIterator]();
          const first = await items.next();
          yield { data: first.value };
          if (first.value === "answer") return;
          await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        },
        undefined,
        "many",
      );
      for (const what of ["answer", "hold"]) {
        let sentCount = 0;
        let isLeft = false;
        const items = async function* () {
          try {
            yield what;
            for (; sentCount < 100_000; sentCount++) yield "x".repeat(1_000);
          } finally {
            isLeft = true;
          }
        };
        const context = new Context();
        const stream = client.call(instance, items(), context, many)[Symbol.asyncIterator]();
        expect((await stream.next()).value.data).toBe(what);
        if (what === "answer") expect((await stream.next()).done).toBe(true);
        else {
          const last = expect(stream.next()).rejects.toMatchObject({ status: 499 });
          await new Promise((resolve) => setTimeout(resolve, 50));
          expect(isLeft).toBe(false);
          context.kill();
          await last;
        }
        if (sentCount > 0) await until(() => isLeft);
        expect(sentCount).toBeLessThan(90_000);
        await served.idle();
      }
    });

    test("bidirectional: an error of the items ends the request and reaches the handler", async () => {
      let seen: RequestContext | undefined;
      const { client, instance, served } = await serve(
        async function* (request, context) {
          seen = context;
          for await (const item of request as AsyncIterable<unknown>) yield { data: item };
        },
        undefined,
        "many",
      );
      const items = async function* () {
        yield 1;
        throw new InvalidArgumentError("The second item is bad.");
      };
      const call = collect(client.call(instance, items(), new Context(), many));
      await expect(call).rejects.toMatchObject({ message: "The second item is bad." });
      await until(() => seen?.isKilled === true);
      await served.idle();
    });

    test("bidirectional: a stream of items to an endpoint of one request is refused", async () => {
      const { client, instance } = await serve(async function* () {});
      const call = async () => collect(client.call(instance, itemsOf(1), new Context(), many));
      await expect(call()).rejects.toMatchObject({ status: 400 });
    });

    test("bidirectional: one request to an endpoint of many is refused", async () => {
      const { client, instance } = await serve(async function* () {}, undefined, "many");
      const call = async () => collect(client.call(instance, {}, new Context()));
      await expect(call()).rejects.toMatchObject({ status: 400 });
    });

    test("its observer hears of each request once, and how it ended", async () => {
      const ends: [unknown, RequestEnd][] = [];
      const observer: RequestObserver = {
        begun: ({ id: requestId }) => {
          return (end) => void ends.push([requestId, end]);
        },
      };
      const { client, instance, served } = await serve(
        async function* (request, context) {
          yield { data: "one" };
          if (request === "fail") throw new InvalidArgumentError("No.");
          while (request === "wait" && !context.isStopped) {
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        },
        undefined,
        undefined,
        undefined,
        observer,
      );
      await collect(client.call(instance, "pass", new Context({ id: "a" })));
      await expect(
        collect(client.call(instance, "fail", new Context({ id: "b" }))),
      ).rejects.toThrow("No.");
      for await (const _ of client.call(instance, "wait", new Context({ id: "c" }))) break;
      await served.idle();
      await until(() => ends.length === 3);
      const [pass, fail, left] = ends;
      expect(pass).toMatchObject(["a", { error: null, isCancelled: false }]);
      expect(fail).toMatchObject(["b", { error: { message: "No." }, isCancelled: false }]);
      expect(left).toMatchObject(["c", { error: null, isCancelled: true }]);
      const bytes = ends.map(([, { sentBytes }]) => sentBytes);
      if (name === "mem") expect(bytes).toEqual([0, 0, 0]);
      else expect(Math.min(...bytes)).toBeGreaterThan(3);
    });

    test("idle rejects with its signal's reason while a request runs", async () => {
      const { client, instance, served } = await serve(async function* (_request, context) {
        yield { data: 1 };
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      });
      const context = new Context();
      const stream = client.call(instance, null, context)[Symbol.asyncIterator]();
      await stream.next();
      await expect(served.idle({ signal: AbortSignal.timeout(10) })).rejects.toThrow();
      context.kill();
      await served.idle();
    });
  });
}
