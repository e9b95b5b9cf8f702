import { UnavailableError } from "@dyn/protocol";
import {
  createMemHub,
  createPicker,
  DistributedRuntime,
  EndpointClient,
  type Instance,
  RequestContext,
  type RequestHandler,
  RoutingSets,
  routerModes,
} from "@dyn/runtime";
import { afterEach, describe, expect, test } from "vitest";

const open: DistributedRuntime[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((runtime) => runtime.close()));
});

function deployment() {
  const hub = createMemHub();
  return (instanceId?: bigint) => {
    const runtime = new DistributedRuntime(
      hub.createPlanes(instanceId === undefined ? {} : { instanceId }),
    );
    open.push(runtime);
    return runtime;
  };
}

const address = "dyn://dyn.backend.generate";
const sayName = (name: string): RequestHandler =>
  async function* () {
    yield { data: name };
  };

async function ask(
  client: { generate(r: unknown, o?: object): AsyncIterable<{ data?: unknown }> },
  options = {},
) {
  for await (const item of client.generate({}, options)) return item.data;
  return undefined;
}

test("a client finds instances that come later and forgets those that leave", async () => {
  const join = deployment();
  const client = join().endpoint(address).createClient();
  await expect(ask(client)).rejects.toMatchObject({ code: "DYN_RUNTIME_NO_INSTANCE", status: 503 });
  const worker = join(1n);
  await worker.endpoint(address).serve(sayName("one"));
  await client.waitForInstances({ signal: AbortSignal.timeout(30_000) });
  expect(await ask(client)).toBe("one");
  await worker.drain({ drainTimeoutMs: 30_000 });
  await expect(ask(client)).rejects.toMatchObject({ code: "DYN_RUNTIME_NO_INSTANCE" });
  await client.close();
});

test("round robin takes turns, a pin wins, an unknown pin is named", async () => {
  const join = deployment();
  for (const n of [1n, 2n, 3n])
    await join(n)
      .endpoint(address)
      .serve(sayName(String(n)));
  const client = join().endpoint(address).createClient();
  await client.waitForInstances({ count: 3, signal: AbortSignal.timeout(30_000) });
  const turns = [await ask(client), await ask(client), await ask(client), await ask(client)];
  expect(turns).toEqual(["1", "2", "3", "1"]);
  expect(await ask(client, { instanceId: 2n })).toBe("2");
  await expect(ask(client, { instanceId: 255n })).rejects.toThrow(
    "No instance ff serves dyn://dyn.backend.generate",
  );
  await client.close();
});

test("of an endpoint whose instances serve several things a client sees its members alone", async () => {
  const join = deployment();
  const ids = new Set([1n]);
  const listeners = new Set<() => void>();
  const members = {
    has: (id: bigint) => ids.has(id),
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const tell = () => {
    for (const listener of listeners) listener();
  };
  const workers = new Map<bigint, DistributedRuntime>();
  for (const n of [1n, 2n, 3n]) {
    const worker = join(n);
    workers.set(n, worker);
    await worker.endpoint(address).serve(sayName(String(n)));
  }
  const client = join().endpoint(address).createClient({ members });
  await client.synced(AbortSignal.timeout(5_000));
  expect(client.instances.map(({ instanceId }) => instanceId)).toEqual([1n]);
  expect([await ask(client), await ask(client)]).toEqual(["1", "1"]);
  await expect(ask(client, { instanceId: 2n })).rejects.toMatchObject({
    code: "DYN_RUNTIME_UNKNOWN_INSTANCE",
  });
  const two = client.waitForInstances({ count: 2, signal: AbortSignal.timeout(5_000) });
  ids.add(3n);
  tell();
  expect(await two).toHaveLength(2);
  expect(new Set([await ask(client), await ask(client)])).toEqual(new Set(["1", "3"]));
  ids.delete(1n);
  tell();
  expect([await ask(client), await ask(client)]).toEqual(["3", "3"]);
  await workers.get(3n)!.drain({ drainTimeoutMs: 1_000 });
  await expect(ask(client)).rejects.toMatchObject({ code: "DYN_RUNTIME_NO_INSTANCE" });
  await client.close();
  expect(listeners.size).toBe(0);
});

test("an instance that cannot be reached is left out until it comes back", async () => {
  const join = deployment();
  const failing: RequestHandler = async function* () {
    yield* [];
    throw new UnavailableError("gone", { code: "DYN_RUNTIME_CANNOT_CONNECT" });
  };
  await join(1n).endpoint(address).serve(failing);
  await join(2n).endpoint(address).serve(sayName("two"));
  let now = 0;
  const client = join()
    .endpoint(address)
    .createClient({ now: () => now });
  await client.waitForInstances({ count: 2, signal: AbortSignal.timeout(30_000) });
  await expect(ask(client)).rejects.toThrow("gone");
  expect([await ask(client), await ask(client)]).toEqual(["two", "two"]);
  now = 5_001;
  await expect(Promise.all([ask(client), ask(client)])).rejects.toThrow("gone");
  await client.close();
});

test("the only instance is tried again although it failed, and counts as sound once it answers", async () => {
  const join = deployment();
  let failures = 2;
  await join(1n)
    .endpoint(address)
    .serve(async function* () {
      yield* [];
      if (failures-- > 0)
        throw new UnavailableError("gone", { code: "DYN_RUNTIME_CANNOT_CONNECT" });
      yield { data: "back" };
    });
  const client = join().endpoint(address).createClient();
  await client.waitForInstances({ signal: AbortSignal.timeout(30_000) });
  await expect(ask(client)).rejects.toThrow("gone");
  await expect(ask(client)).rejects.toThrow("gone");
  expect(await ask(client)).toBe("back");
  const gone = new AbortController();
  gone.abort(new Error("enough"));
  await expect(ask(client, { signal: gone.signal })).rejects.toThrow();
  await client.close();
});

test("a request that waits for an instance to be tried again leaves with its caller", async () => {
  const hub = createMemHub();
  const discovery = hub.createPlanes().discovery;
  const gone = { namespace: "ns", component: "backend", endpoint: "gone" };
  await discovery.put({
    type: "instance",
    instance: { id: gone, instanceId: 1n, transport: { mem: "nowhere" } },
  });
  const planes = hub.createPlanes();
  const client = new EndpointClient(gone, planes, { now: () => 0 });
  const ask = async (signal?: AbortSignal) => {
    for await (const _ of client.generate({}, signal === undefined ? {} : { signal }));
  };
  // Each failure doubles the pause before the next try, and this client's clock stands still.
  for (let i = 0; i < 2; i++) await expect(ask()).rejects.toMatchObject({ status: 503 });
  const controller = new AbortController();
  const waiting = ask(controller.signal);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
  expect(client.inflight(1n)).toBe(0);
  await client.close();
});

test("instances to avoid are taken only when there are no others", async () => {
  const join = deployment();
  for (const n of [1n, 2n])
    await join(n)
      .endpoint(address)
      .serve(sayName(String(n)));
  const client = join().endpoint(address).createClient();
  await client.waitForInstances({ count: 2, signal: AbortSignal.timeout(30_000) });
  const avoid = new Set([1n]);
  expect([await ask(client, { avoid }), await ask(client, { avoid })]).toEqual(["2", "2"]);
  avoid.add(2n);
  expect(["1", "2"]).toContain(await ask(client, { avoid }));
  await client.close();
});

describe("routing sets", () => {
  const instance = (instanceId: bigint): Instance => ({
    id: { namespace: "a", component: "b", endpoint: "c" },
    instanceId,
    transport: {},
  });
  const ids = (instances: readonly Instance[]) => instances.map(({ instanceId }) => instanceId);

  test("a late report of an instance's earlier stay says nothing of its present one", () => {
    const sets = new RoutingSets({ now: () => 0 });
    sets.add(instance(1n));
    const stay = sets.tokenOf(1n);
    sets.remove(1n);
    sets.inhibit(1n, 1_000, stay);
    sets.markOverloaded(1n, 1_000, stay);
    expect(sets.discovered).toEqual([]);
    sets.add(instance(1n));
    sets.inhibit(1n, 1_000, stay);
    sets.markOverloaded(1n, 1_000, stay);
    expect(ids(sets.free)).toEqual([1n]);
    sets.inhibit(1n, 1_000, sets.tokenOf(1n));
    expect(ids(sets.routable)).toEqual([]);
  });

  test("the pause before a last resort doubles up to a second and falls back with a success", () => {
    let now = 0;
    const sets = new RoutingSets({ now: () => now });
    sets.add(instance(1n));
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      sets.inhibit(1n, 5_000);
      sets.inhibit(1n, 5_000);
      const { waitMs } = sets.lastResort!;
      waits.push(waitMs);
      now += waitMs;
    }
    expect(waits).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
    sets.succeed(1n);
    expect(ids(sets.free)).toEqual([1n]);
    sets.inhibit(1n, 5_000);
    expect(sets.lastResort?.waitMs).toBe(50);
  });

  test("an instance is free, overloaded, or known and not routable", () => {
    let now = 0;
    const sets = new RoutingSets({ now: () => now });
    const endpoint = { namespace: "ns", component: "c", endpoint: "e" };
    for (const instanceId of [1n, 2n, 3n]) sets.add({ id: endpoint, instanceId, transport: {} });
    sets.inhibit(1n, 100);
    sets.markOverloaded(1n, 100);
    sets.markOverloaded(2n, 50);
    expect(ids(sets.discovered)).toEqual([1n, 2n, 3n]);
    expect(ids(sets.routable)).toEqual([2n, 3n]);
    expect(ids(sets.overloaded)).toEqual([2n]);
    expect(ids(sets.free)).toEqual([3n]);
    now = 100;
    expect(ids(sets.free)).toEqual([1n, 2n, 3n]);
    expect(ids(sets.overloaded)).toEqual([]);
  });

  test("an instance that failed is let in again with one request, and stays out longer when that fails too", () => {
    let now = 0;
    const sets = new RoutingSets({ now: () => now });
    for (const id of [1n, 2n]) sets.add(instance(id));
    sets.inhibit(1n, 100);
    now = 50;
    // One that was sent before.
    sets.inhibit(1n, 100);
    now = 150;
    expect(ids(sets.free)).toEqual([1n, 2n]);
    sets.tried(1n);
    expect(ids(sets.free)).toEqual([2n]);
    now = 200;
    sets.inhibit(1n, 100);
    now = 399;
    expect(ids(sets.free)).toEqual([2n]);
    now = 400;
    sets.tried(1n);
    expect(ids(sets.free)).toEqual([2n]);
    sets.succeed(1n);
    expect(ids(sets.free)).toEqual([1n, 2n]);
    sets.inhibit(1n, 100);
    now = 500;
    sets.tried(1n);
    // It has not failed for so long: it is back, whether the request is over or not.
    now = 600;
    sets.tried(1n);
    expect(ids(sets.free)).toEqual([1n, 2n]);
  });

  test("a trial that its caller leaves tells nothing: the next request is one", () => {
    let now = 0;
    const sets = new RoutingSets({ now: () => now });
    for (const id of [1n, 2n]) sets.add(instance(id));
    sets.inhibit(1n, 100);
    for (now = 100; now < 500; now += 100) {
      expect(ids(sets.free)).toEqual([1n, 2n]);
      sets.tried(1n);
      sets.left(1n);
      expect(ids(sets.free)).toEqual([2n]);
    }
  });

  test("the longest inhibition is eight times the first", () => {
    let now = 0;
    const sets = new RoutingSets({ now: () => now });
    sets.add(instance(1n));
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      sets.inhibit(1n, 100);
      const begunMs = now;
      while (sets.free.length === 0) now += 100;
      pauses.push(now - begunMs);
      sets.tried(1n);
    }
    expect(pauses).toEqual([100, 200, 400, 800, 800, 800]);
  });

  test("an inhibition of no length keeps nobody out", () => {
    const sets = new RoutingSets({ now: () => 0 });
    sets.add(instance(1n));
    sets.inhibit(1n, 0);
    expect(ids(sets.free)).toEqual([1n]);
  });
});

test("drain lets running requests finish and says whether it could", async () => {
  const join = deployment();
  const worker = join(1n);
  await worker.endpoint(address).serve(async function* (request, context) {
    yield { data: "begun" };
    if (request === "endless") {
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    } else await new Promise((resolve) => setTimeout(resolve, 20));
    yield { data: "done" };
  });
  const client = join().endpoint(address).createClient();
  await client.waitForInstances({ signal: AbortSignal.timeout(30_000) });
  const items: unknown[] = [];
  const reading = (async () => {
    for await (const item of client.generate("short")) items.push(item.data);
  })();
  while (items.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(await worker.drain({ drainTimeoutMs: 30_000 })).toEqual({ complete: true });
  await reading;
  expect(items).toEqual(["begun", "done"]);

  const stubborn = join(2n);
  await stubborn.endpoint(address).serve(async function* (_request, context) {
    yield { data: "begun" };
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
  });
  await client.waitForInstances({ signal: AbortSignal.timeout(30_000) });
  const stream = client.generate("endless");
  await stream.next();
  const rest = expect(stream.next()).rejects.toMatchObject({ code: "DYN_RUNTIME_DISCONNECTED" });
  expect(await stubborn.drain({ drainTimeoutMs: 10 })).toEqual({ complete: false });
  await rest;
  await client.close();
});

test("for the grace period a worker that left serves callers that have not heard of it", async () => {
  const join = deployment();
  const worker = join(1n);
  const served = await worker.endpoint(address).serve(sayName("still here"));
  const client = join().endpoint(address).createClient();
  const [instance] = await client.waitForInstances({ signal: AbortSignal.timeout(30_000) });
  const drained = worker.drain({ drainTimeoutMs: 30_000, graceMs: 100 });
  const late = worker.planes.requestPlane.call(instance!, null, new RequestContext());
  for await (const item of late) expect(item.data).toBe("still here");
  expect(await drained).toEqual({ complete: true });
  expect(served.inflightCount).toBe(0);
  await client.close();
});

test("pickers: the less loaded wins, direct is the only mode without one", () => {
  const instance = (instanceId: bigint): Instance => ({
    id: { namespace: "a", component: "b", endpoint: "c" },
    instanceId,
    transport: {},
  });
  const candidates = [instance(0n), instance(1n), instance(2n)];
  const load = [5, 1, 3];
  const inflight = (candidate: Instance) => load[Number(candidate.instanceId)]!;
  expect(
    createPicker("least-loaded")(candidates, { inflight, random: Math.random }).instanceId,
  ).toBe(1n);
  const draws = [0, 0.99];
  const random = () => draws.shift()!;
  // First draw: 0; second among the others: the last, 2. The lighter of 5 and 3 wins.
  expect(createPicker("power-of-two")(candidates, { inflight, random }).instanceId).toBe(2n);
  expect(routerModes.filter((mode) => mode !== "direct")).toHaveLength(5);
});

test("device-aware: a CPU gets one request while an accelerator gets eight, the least loaded of its kind first", () => {
  const load = new Map<bigint, number>();
  const view = { inflight: (it: Instance) => load.get(it.instanceId) ?? 0, random: Math.random };
  const instance = (id: bigint, deviceType?: string): Instance => ({
    id: { namespace: "n", component: "c", endpoint: "e" },
    instanceId: id,
    transport: {},
    ...(deviceType === undefined ? {} : { deviceType }),
  });
  const all = [instance(1n, "cuda"), instance(2n), instance(3n, "cpu")];
  const pick = createPicker("device-aware-weighted");
  const send = (candidates: readonly Instance[], ratio?: number) => {
    const { instanceId } = pick(
      candidates,
      ratio === undefined ? view : { ...view, cpuRatio: ratio },
    );
    load.set(instanceId, (load.get(instanceId) ?? 0) + 1);
  };
  for (let i = 0; i < 170; i++) send(all);
  expect([1n, 2n, 3n].map((id) => load.get(id))).toEqual([80, 80, 10]);
  load.clear();
  for (let i = 0; i < 50; i++) send(all, 2);
  expect([1n, 2n, 3n].map((id) => load.get(id))).toEqual([20, 20, 10]);
  // Who is alone of its kind takes all.
  load.clear();
  for (let i = 0; i < 4; i++) send([instance(3n, "cpu"), instance(4n, "cpu")]);
  expect([3n, 4n].map((id) => load.get(id))).toEqual([2, 2]);
});

test("bad addresses and names are refused with the rule", () => {
  const runtime = deployment()();
  expect(() => runtime.endpoint("dyn://only.two")).toThrow("dyn://namespace.component.endpoint");
  expect(() => runtime.namespace("a/b")).toThrow('The namespace name "a/b" is not valid');
});
