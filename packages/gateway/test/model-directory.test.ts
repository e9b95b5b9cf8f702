// Models come and go with the workers that serve them.
import { createMockEngine } from "@dyn/engine";
import { createGateway } from "@dyn/gateway";
import { createMetricsRegistry } from "@dyn/metrics";
import { createMemHub, type Discovery, DistributedRuntime } from "@dyn/runtime";
import { afterEach, describe, expect, it, test } from "vitest";
import {
  type Deployment,
  model,
  startDeployment,
  startWorker,
  until,
} from "./support/deployment.ts";
import { startScriptedWorker } from "./support/scripted-worker.ts";

let deployment: Deployment;
afterEach(() => deployment?.close());

const ids = async () => (await deployment.client.models.list()).data.map(({ id }) => id);
const chat = (name: string) =>
  deployment.client.chat.completions.create({
    model: name,
    messages: [{ role: "user", content: "hello" }],
    max_tokens: 2,
  });

describe("the model directory", () => {
  it("forgets a model with its last instance, and knows it again when one comes", async () => {
    deployment = await startDeployment();
    const second = await startWorker(deployment.hub, deployment.engine);
    await deployment.removeWorker();
    expect((await chat(model)).choices).toHaveLength(1);
    await second.close();
    await until(async () => (await ids()).length === 0, "no model");
    await expect(chat(model)).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    const third = await startWorker(deployment.hub, deployment.engine);
    await deployment.gateway.waitForModel(model, { signal: AbortSignal.timeout(30_000) });
    expect((await chat(model)).choices).toHaveLength(1);
    await third.close();
  });

  it("serves at once when the workers come back together, as after a lost lease; other settings are read anew", async () => {
    deployment = await startDeployment();
    const [first] = (await deployment.client.models.list()).data;
    const comeAndAsk = async (card: object) => {
      await deployment.removeWorker().catch(() => undefined);
      await until(async () => (await ids()).length === 0, "no model");
      const worker = await startWorker(deployment.hub, deployment.engine, card);
      await deployment.gateway.waitForModel(model, { signal: AbortSignal.timeout(30_000) });
      expect((await chat(model)).choices).toHaveLength(1);
      const [now] = (await deployment.client.models.list()).data;
      await worker.close();
      await until(async () => (await ids()).length === 0, "no model");
      return now!.created;
    };
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await comeAndAsk({})).toBe(first!.created);
    expect(await comeAndAsk({ migrationLimit: 2 })).toBeGreaterThan(first!.created);
  });

  it("keeps the time at which a model became ready", async () => {
    deployment = await startDeployment();
    const [first] = (await deployment.client.models.list()).data;
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await deployment.client.models.list()).data[0]!.created).toBe(first!.created);
  });

  it("serves two models side by side and answers types apart", async () => {
    deployment = await startDeployment();
    const other = await startScriptedWorker(
      deployment.hub,
      "words",
      async function* () {
        yield { token_ids: [80], finish_reason: "length" };
      },
      { modelTypes: ["completions"] },
    );
    await deployment.gateway.waitForModel("words", { signal: AbortSignal.timeout(30_000) });
    expect(await ids()).toEqual([model, "words"]);
    const answer = await deployment.client.completions.create({ model: "words", prompt: "a" });
    expect(answer.choices[0]!.finish_reason).toBe("length");
    await expect(chat("words")).rejects.toMatchObject({ status: 404 });
    await other.close();
  });

  it("refuses another model under a name in use, and says so; it takes over when the first leaves", async () => {
    deployment = await startDeployment();
    const engine = createMockEngine({ vocabSize: 4096, contextLength: 512 });
    const rival = await startWorker(deployment.hub, engine);
    await until(() => deployment.log.some((line) => line.includes("refused")), "a log line");
    expect(deployment.log.join("\n")).toContain("contextLength: 4096 is served, 512 refused");
    expect((await deployment.client.models.list()).data[0]).toMatchObject({ context_window: 4096 });
    await deployment.removeWorker();
    await until(async () => {
      const [first] = (await deployment.client.models.list()).data;
      return (first as unknown as { context_window: number } | undefined)?.context_window === 512;
    }, "the rival served");
    await rival.close();
    await engine.close();
  });

  it.each(["round-robin", "kv"] as const)(
    "keeps models apart that share one endpoint, in mode %s",
    async (routerMode) => {
      deployment = await startDeployment({ gateway: { routerMode } });
      const answered: string[] = [];
      const start = (name: string, label: string, card = {}) =>
        startScriptedWorker(
          deployment.hub,
          name,
          async function* ({ model: asked }) {
            answered.push(`${label} as ${asked}`);
            yield { token_ids: [80], finish_reason: "length" };
          },
          card,
          "dyn://dynamo.backend.generate",
        );
      const workers = [
        await start("left", "left"),
        await start("right", "right"),
        await start("right", "refused", { contextLength: 512 }),
      ];
      for (const name of ["left", "right"]) {
        await deployment.gateway.waitForModel(name, { signal: AbortSignal.timeout(10_000) });
      }
      await until(() => deployment.log.some((line) => line.includes("refused")), "a refusal");
      for (let i = 0; i < 12; i++) for (const name of [model, "left", "right"]) await chat(name);
      expect(new Set(answered)).toEqual(new Set(["left as left", "right as right"]));
      expect(answered).toHaveLength(24);
      // The refused one has the name to itself when the other has left.
      answered.length = 0;
      await workers[1]!.close();
      await until(async () => {
        await chat("right").catch(() => undefined);
        return answered.length > 0;
      }, "the refused worker takes over");
      expect(new Set(answered)).toEqual(new Set(["refused as right"]));
      for (const worker of workers) await worker.close();
    },
  );

  it("keeps a model whose files cannot be read out of the list and tries again", async () => {
    deployment = await startDeployment();
    const broken = await startScriptedWorker(deployment.hub, "broken", async function* () {}, {
      sourcePath: "/no/such/directory",
    });
    await until(() => deployment.log.some((line) => line.includes("broken")), "a log line");
    expect(await ids()).toEqual([model]);
    // Somebody serves it: to come again later is right.
    await expect(chat("broken")).rejects.toMatchObject({ status: 503 });
    await broken.close();
  });

  it("spreads the requests of one name over its sets of workers, by their size", async () => {
    deployment = await startDeployment();
    const answered: string[] = [];
    const start = (component: string) =>
      startScriptedWorker(
        deployment.hub,
        "shared",
        async function* () {
          answered.push(component);
          yield { token_ids: [80], finish_reason: "length" };
        },
        {},
        `dyn://dynamo.${component}.generate`,
      );
    const workers = [await start("left"), await start("right"), await start("right")];
    await until(async () => {
      const answer = await fetch(`${deployment.url}/v1/models/shared/ready`);
      const body = (await answer.json()) as ReadyAnswer;
      return body.namespaces?.dynamo?.worker_types.aggregated?.workers === 3;
    }, "three workers");
    await deployment.gateway.waitForModel("shared", { signal: AbortSignal.timeout(30_000) });
    await until(async () => {
      await chat("shared");
      return new Set(answered).size === 2;
    }, "both sets");
    answered.length = 0;
    for (let i = 0; i < 200; i++) await chat("shared");
    const right = answered.filter((component) => component === "right").length;
    // Two in three; five standard deviations.
    expect(right).toBeGreaterThan(100);
    expect(right).toBeLessThan(167);
    expect(await ids()).toEqual([model, "shared"]);
    for (const worker of workers) await worker.close();
  });

  it("answers to an alias under the model's own name", async () => {
    deployment = await startDeployment({ card: { aliases: ["tiny-alias"] } });
    expect(await ids()).toEqual([model, "tiny-alias"]);
    expect((await chat("tiny-alias")).model).toBe(model);
  });

  it("tells whether a model is ready, and of whom", async () => {
    deployment = await startDeployment();
    const ready = await fetch(`${deployment.url}/v1/models/${model}/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({
      model,
      ready: true,
      namespaces: {
        dynamo: {
          ready: true,
          worker_types: { aggregated: { workers: 1, needs: [] } },
          present: ["aggregated"],
        },
      },
    });
    const broken = await startScriptedWorker(deployment.hub, "broken", async function* () {}, {
      sourcePath: "/no/such/directory",
    });
    const status = async (name: string) =>
      (await fetch(`${deployment.url}/v1/models/${name}/ready`)).status;
    await until(async () => (await status("broken")) === 503, "a model that is not ready");
    expect(await status("unknown")).toBe(404);
    await broken.close();
  });

  it("does not list prefill workers", async () => {
    deployment = await startDeployment();
    const prefill = await startScriptedWorker(
      deployment.hub,
      model,
      async function* () {},
      { modelTypes: [], workerType: "prefill" },
      "dyn://dynamo.prefill.generate",
    );
    await until(async () => {
      const answer = await fetch(`${deployment.url}/v1/models/${model}/ready`);
      return ((await answer.json()) as ReadyAnswer).namespaces!.dynamo!.present.includes("prefill");
    }, "the prefill worker");
    expect(await ids()).toEqual([model]);
    expect((await chat(model)).choices).toHaveLength(1);
    await prefill.close();
  });
});

interface ReadyAnswer {
  readonly namespaces?: Record<
    string,
    {
      readonly present: string[];
      readonly worker_types: Record<string, { readonly workers: number }>;
    }
  >;
}

test("while discovery has not told what there is no model is unknown, only not there yet", async () => {
  const discovery: Discovery = {
    kind: "silent",
    instanceId: 1n,
    put: async () => {},
    delete: async () => {},
    list: async () => [],
    async *watch(_, { signal }) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
    close: async () => {},
  };
  const runtime = new DistributedRuntime({ ...createMemHub().createPlanes(), discovery });
  const gateway = createGateway({ runtime, metrics: createMetricsRegistry() });
  const { url } = await gateway.listen({ host: "127.0.0.1", port: 0 });
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: "a" }),
  });
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  await gateway.close();
  await runtime.close();
});
