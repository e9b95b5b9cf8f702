// What one make writes to discovery, read by the other: records, checksums, and where the model's files are.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  cardToChecksum,
  cardToWire,
  contentChecksum,
  type ModelCard,
  type PreprocessedRequest,
} from "@dyn/protocol";
import {
  createPlanes,
  type DiscoveryRecord,
  DistributedRuntime,
  decodeRecord,
  encodeRecord,
  type RequestHandler,
} from "@dyn/runtime";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ask,
  InteropServers,
  listed,
  MixedDeployment,
  modelDirectory,
  peer,
} from "./mixed-deployment.ts";

const servers = await InteropServers.start();
afterAll(() => servers.close());
const { etcd } = servers;
const planes = servers.planes("etcd", "tcp");

let deployment: MixedDeployment;
let cache: string;
beforeEach(() => {
  deployment = new MixedDeployment(planes!);
  cache = mkdtempSync(join(tmpdir(), "dyn-interop-cache-"));
});
afterEach(async () => {
  await deployment.close();
  await servers.clear();
  rmSync(cache, { recursive: true, force: true });
});

interface Stored {
  readonly key: string;
  readonly value: string;
}

/** Everything below v1/, as etcd has it. */
async function dump(): Promise<Stored[]> {
  const encode = (text: string) => Buffer.from(text).toString("base64");
  const decode = (text: string) => Buffer.from(text, "base64").toString();
  const response = await fetch(`${etcd!.url}/v3/kv/range`, {
    method: "POST",
    body: JSON.stringify({ key: encode("v1/"), range_end: encode("v10") }),
  });
  const { kvs = [] } = (await response.json()) as { kvs?: { key: string; value: string }[] };
  return kvs.map(({ key, value }) => ({ key: decode(key), value: decode(value) }));
}

const buckets = ["v1/instances", "v1/mdc", "v1/event_channels", "v1/event_sources"] as const;

function read(stored: Stored): DiscoveryRecord {
  const bucket = buckets.find((name) => stored.key.startsWith(`${name}/`));
  if (bucket === undefined) throw new Error(`${stored.key} is in no known bucket.`);
  return decodeRecord(bucket, stored);
}

/** Key and value with what differs from run to run taken out. */
function shapeOf({ key, value }: Stored): { key: string; value: unknown } {
  const text = value
    .replace(/(instance_id|worker_id|publisher_id)":\d+/g, '$1":0')
    .replace(/"tcp":"[\d.]+:\d+\/[0-9a-f]+\//g, '"tcp":"ADDRESS/ID/')
    .replace(/http:\/\/[\d.]+:\d+/g, "http://ADDRESS");
  return { key: key.replace(/\/[0-9a-f]{10,}$/, "/ID"), value: JSON.parse(text) };
}

const runs = describe.skipIf(peer === null || planes === null);

runs("the state of etcd", () => {
  test("every record of a real worker is read, and written again says the same under the same key", async () => {
    const client = await deployment.theirFrontend();
    await deployment.theirMocker([], { DYN_SYSTEM_PORT: "0" });
    await listed(client).toEqual(["tiny"]);
    const stored = await dump();
    expect(stored.map(({ key }) => key.split("/")[1]).toSorted()).toEqual(
      expect.arrayContaining(["event_channels", "instances", "mdc"]),
    );
    for (const theirs of stored) {
      const again = encodeRecord(read(theirs));
      expect(again.key).toBe(theirs.key);
      if (theirs.key.startsWith("v1/mdc/")) continue;
      // What we do not use (device_type) is not kept; nothing else may differ.
      expect(JSON.parse(theirs.value)).toMatchObject(JSON.parse(again.value));
    }
  });

  test("our worker writes under the keys of a real one, with its fields and values", async () => {
    const client = await deployment.theirFrontend();
    const same = ["--block-size", "16", "--max-model-len", "4096"];
    const mocker = await deployment.theirMocker(same, { DYN_SYSTEM_PORT: "0" });
    await listed(client).toEqual(["tiny"]);
    const theirs = (await dump()).map(shapeOf);
    await mocker.stop("SIGTERM");
    await listed(client).toEqual([]);
    await deployment.ourWorker(["--engine", "mock", "--page-size", "16"], {
      DYN_SELF_HOST_METADATA: "1",
    });
    const ours = (await dump()).map(shapeOf);
    const ofKey = (shapes: typeof ours, key: string) =>
      shapes.find((shape) => shape.key === key)?.value as Record<string, unknown> | undefined;
    for (const key of [
      "v1/instances/dynamo/backend/generate/ID",
      "v1/mdc/dynamo/backend/generate/ID",
    ]) {
      const [mine, real] = [ofKey(ours, key), ofKey(theirs, key)];
      expect(mine).toBeDefined();
      expect(real).toBeDefined();
      // The device is the machine's, and a worker that knows none says none. The mux field is that by which our own
      // processes know each other; the reference passes over fields that it does not know.
      const { card_json: myCard, dyn_response_mux: _mux, device_type: _mine, ...myRest } = mine!;
      const { card_json: realCard, device_type: _real, ...realRest } = real!;
      expect(myRest).toEqual(realRest);
      if (realCard === undefined) continue;
      const {
        runtime_config: myConfig,
        context_length: _myLength,
        ...myOthers
      } = myCard as Record<string, object>;
      const {
        runtime_config: realConfig,
        context_length: _realLength,
        ...realOthers
      } = realCard as Record<string, object>;
      expect(myOthers).toEqual(realOthers);
      // The capacity is each engine's own; the fields are the same. The mocker has a note to itself where SGLang's
      // worker, and ours, say what they can.
      const { runtime_data: _data, ...realFields } = realConfig as Record<string, unknown>;
      const { runtime_data: myData, ...myFields } = myConfig as Record<string, unknown>;
      expect(Object.keys(myFields).toSorted()).toEqual(Object.keys(realFields).toSorted());
      expect(myData).toEqual({ sglang_generate: true });
    }
  });
});

runs("the checksum of a card", () => {
  test("that a real frontend sends with each request is the one that we compute", async () => {
    const sums: unknown[] = [];
    const handler: RequestHandler = async function* (body) {
      const request = body as PreprocessedRequest & { mdc_sum?: unknown };
      sums.push(request.mdc_sum);
      yield { data: { token_ids: [5], index: 0, finish_reason: "stop" } };
    };
    const file = (name: string) => {
      const path = join(modelDirectory, name);
      return { path, checksum: contentChecksum(readFileSync(path)) };
    };
    const card: ModelCard = {
      displayName: "tiny",
      aliases: ["small", "wee"],
      sourcePath: "some/where",
      files: {
        config: file("config.json"),
        tokenizer: file("tokenizer.json"),
        tokenizerConfig: file("tokenizer_config.json"),
      },
      modelTypes: ["chat"],
      modelInput: "tokens",
      contextLength: 2048,
      kvCacheBlockSize: 32,
      endpoint: "dyn://dynamo.probe.generate",
      created: 0,
      workerType: "aggregated",
      needs: [],
      migrationLimit: 0,
    };
    const runtime = new DistributedRuntime(
      await createPlanes({ discoveryBackend: "etcd", etcdEndpoints: [etcd!.url] }),
    );
    try {
      const served = await runtime.endpoint(card.endpoint).serve(handler);
      await served.registerModel(card);
      const client = await deployment.theirFrontend();
      await listed(client).toEqual(expect.arrayContaining(["tiny"]));
      await client.chat.completions.create(ask("Hello", { max_tokens: 1 }));
      expect(sums).toEqual([cardToChecksum(cardToWire(card))]);
    } finally {
      await runtime.close();
    }
  });
});

runs("the files of a model, fetched from the worker that serves it", () => {
  const filesBelow = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);

  test("our frontend with a real worker's addresses", async () => {
    await deployment.theirMocker(["--speedup-ratio", "100"], { DYN_SYSTEM_PORT: "0" });
    process.env.XDG_CACHE_HOME = cache;
    const client = await deployment.ourFrontend().finally(() => {
      delete process.env.XDG_CACHE_HOME;
    });
    await listed(client).toEqual(["tiny"]);
    const answer = await client.chat.completions.create(ask("Hello", { max_tokens: 5 }));
    expect(answer.usage?.completion_tokens).toBe(5);
    expect(filesBelow(join(cache, "dyn/cards"))).toContain("tokenizer.json");
  });

  test("a real frontend with our addresses: right tokens, right text", async () => {
    const worker = await deployment.ourWorker([], { DYN_SELF_HOST_METADATA: "1" });
    const stored = (await dump()).find(({ key }) => key.startsWith("v1/mdc/"));
    expect(stored?.value).toContain(
      `${worker.systemUrl}/v1/metadata/dynamo/backend/generate/tiny/`,
    );
    expect(stored?.value).not.toContain(`"path":"${modelDirectory}`);
    // A cache of its own, so that nothing fetched before can stand in.
    const client = await deployment.theirFrontend([], { HOME: cache, XDG_CACHE_HOME: cache });
    await listed(client).toEqual(["tiny"]);
    const question = ask("What is 12 + 30?", { temperature: 0 });
    const answer = await client.chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toContain("42");
    expect(filesBelow(cache).length).toBeGreaterThan(0);
  });
});
