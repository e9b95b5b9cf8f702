import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { mkdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  type DownloadEvent,
  openCheckpoint,
  type ResolveModelOptions,
  resolveModel,
} from "@dyn/model-files";
import { expect, onTestFinished, test } from "vitest";
import { commit, FakeHub, type Misbehaviour } from "./fake-hub.ts";
import { encodeSafetensors } from "./safetensors-file.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const weights = encodeSafetensors([
  { name: "a", dtype: "U8", shape: [300_000], data: randomBytes(300_000) },
]);
const smallModel = {
  "config.json": '{"architectures":["LlamaForCausalLM"]}',
  "tokenizer.json": "{}",
  "tokenizer_config.json": '{"a":1}',
  "model.safetensors": weights,
  "pytorch_model.bin": "pickle",
  "README.md": "# hi",
  "original/consolidated.00.pth": "pickle",
};

interface Setup {
  readonly hub: FakeHub;
  readonly home: string;
  readonly events: DownloadEvent[];
  readonly sleeps: number[];
  readonly resolve: (
    id?: string,
    options?: ResolveModelOptions & { env?: Record<string, string> },
  ) => ReturnType<typeof resolveModel>;
}

async function setUp(
  files: Readonly<Record<string, Buffer | string>> = smallModel,
  misbehave?: Misbehaviour,
): Promise<Setup> {
  const hub = new FakeHub(files);
  if (misbehave !== undefined) hub.misbehave = misbehave;
  await hub.listen();
  onTestFinished(() => hub.close());
  const home = temporaryDirectory();
  const events: DownloadEvent[] = [];
  const sleeps: number[] = [];
  return {
    hub,
    home,
    events,
    sleeps,
    resolve: (id = "org/name", options = {}) =>
      resolveModel(id, {
        progress: (event) => events.push(event),
        stallTimeoutMs: 30_000,
        timers: {
          sleep: async (ms) => {
            sleeps.push(ms);
            await new Promise((resume) => setTimeout(resume, 1));
          },
          random: () => 0.5,
          nowMs: Date.now,
        },
        ...options,
        env: { HF_HOME: home, HF_ENDPOINT: hub.endpoint, ...options.env },
      }),
  };
}

const storageGet: (wrong: (context: Parameters<Misbehaviour>[0]) => boolean) => Misbehaviour =
  (wrong) => (context) =>
    context.request.host === "storage" && context.request.method === "GET" && wrong(context);

test("downloads the needed files into the layout of huggingface_hub", async () => {
  const { hub, home, resolve } = await setUp();
  const model = await resolve();
  const root = join(home, "hub", "models--org--name");
  expect(model).toEqual({
    path: join(root, "snapshots", commit),
    id: "org/name",
    revision: commit,
    source: "hub-download",
  });
  expect(readFileSync(join(root, "refs", "main"), "utf8")).toBe(commit);
  expect(readdirSync(model.path).sort()).toEqual([
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  expect(readlinkSync(join(model.path, "model.safetensors"))).toBe(
    join("..", "..", "blobs", hub.etag("model.safetensors")),
  );
  expect(readFileSync(join(model.path, "model.safetensors"))).toEqual(weights);
  expect(readdirSync(join(root, "blobs")).filter((name) => name.includes("."))).toEqual([]);
  const view = (await openCheckpoint(model.path)).get("a");
  expect(view.file).toBe(realpathSync(join(root, "blobs", hub.etag("model.safetensors"))));
});

test("a second call downloads nothing", async () => {
  const { hub, resolve } = await setUp();
  await resolve();
  const before = hub.count("GET", "/resolve/");
  expect((await resolve()).source).toBe("hub-cache");
  expect(hub.count("GET", "/resolve/")).toBe(before);
});

test("a revision that is a cached commit needs no request at all", async () => {
  const { hub, resolve } = await setUp();
  await resolve();
  const before = hub.requests.length;
  expect((await resolve("org/name", { revision: commit })).source).toBe("hub-cache");
  expect(hub.requests.length).toBe(before);
});

test("goes on where a broken connection stopped", async () => {
  const { hub, resolve, sleeps } = await setUp(
    smallModel,
    storageGet(({ nth, request, response, hub: self }) => {
      if (nth > 2) return false;
      self.sendFile(response, request, weights, { breakAfterBytes: 100_000 });
      return true;
    }),
  );
  const model = await resolve();
  expect(readFileSync(join(model.path, "model.safetensors"))).toEqual(weights);
  const ranges = hub.requests
    .filter((request) => request.host === "storage")
    .map((request) => request.headers.range);
  expect(ranges).toHaveLength(3);
  expect(ranges[0]).toBeUndefined();
  expect(ranges[2]).toMatch(/^bytes=[1-9]\d+-$/);
  expect(sleeps).toEqual([750, 750]);
});

test("a later process goes on with the partial file of an earlier one", async () => {
  const { hub, home, resolve, events } = await setUp();
  const blobs = join(home, "hub", "models--org--name", "blobs");
  await mkdir(blobs, { recursive: true });
  const etag = hub.etag("model.safetensors");
  await writeFile(join(blobs, `${etag}.incomplete`), weights.subarray(0, 200_000));
  const model = await resolve();
  expect(readFileSync(join(model.path, "model.safetensors"))).toEqual(weights);
  expect(hub.requests.find((r) => r.host === "storage")?.headers.range).toBe("bytes=200000-");
  expect(events).toContainEqual({
    type: "file-started",
    file: "model.safetensors",
    sizeBytes: weights.length,
    resumedBytes: 200_000,
  });
});

test("a partial file with wrong bytes is found out by its checksum and downloaded anew", async () => {
  const { hub, home, resolve } = await setUp();
  const blobs = join(home, "hub", "models--org--name", "blobs");
  await mkdir(blobs, { recursive: true });
  const etag = hub.etag("model.safetensors");
  await writeFile(join(blobs, `${etag}.incomplete`), Buffer.alloc(1000));
  const model = await resolve();
  expect(readFileSync(join(model.path, "model.safetensors"))).toEqual(weights);
});

test("a server that ignores Range makes the file begin anew", async () => {
  const { hub, resolve } = await setUp(
    smallModel,
    storageGet(({ nth, request, response, hub: self }) => {
      const breakAfterBytes = nth === 1 ? { breakAfterBytes: 100_000 } : {};
      self.sendFile(response, request, weights, { ignoreRange: true, ...breakAfterBytes });
      return true;
    }),
  );
  const model = await resolve();
  expect(readFileSync(join(model.path, "model.safetensors"))).toEqual(weights);
  expect(hub.count("GET", "/model.safetensors")).toBe(4);
});

test("a connection that always breaks at the same byte ends with an error", async () => {
  const { resolve, sleeps } = await setUp(
    smallModel,
    storageGet(({ request, response, hub: self }) => {
      self.sendFile(response, request, weights, { ignoreRange: true, breakAfterBytes: 1000 });
      return true;
    }),
  );
  await expect(resolve()).rejects.toMatchObject({
    code: "DYN_HUB_UNAVAILABLE",
    message: expect.stringMatching(
      /org\/name\/model\.safetensors: the connection broke .* 6 tries/,
    ),
  });
  expect(sleeps).toEqual([750, 1500, 3000, 6000, 12000]);
});

test("a server that goes silent counts as broken", async () => {
  const { resolve, events } = await setUp(
    smallModel,
    storageGet(({ nth, request, response, hub: self }) => {
      if (nth > 1) return false;
      response.writeHead(200, { "content-length": String(weights.length) });
      response.write(weights.subarray(0, 5000));
      expect(request.method).toBe("GET");
      expect(self.files.size).toBeGreaterThan(0);
      return true;
    }),
  );
  const model = await resolve("org/name", { stallTimeoutMs: 1_000 });
  expect(readFileSync(join(model.path, "model.safetensors"))).toEqual(weights);
  expect(events.some((event) => event.type === "retry" && /no byte for/.test(event.reason))).toBe(
    true,
  );
});

test.each([
  ["shorter than the file", 100_000],
  ["longer than the file", 400_000],
])("a Content-Length %s is seen through", async (_, contentLength) => {
  const { resolve } = await setUp(
    smallModel,
    storageGet(({ nth, request, response, hub: self }) => {
      if (nth > 1) return false;
      self.sendFile(response, request, weights, { contentLength });
      return true;
    }),
  );
  const model = await resolve();
  expect(readFileSync(join(model.path, "model.safetensors"))).toEqual(weights);
});

test.each([
  ["too small", -100],
  ["too large", 100],
])("an announced size that is %s is an error that names the file", async (_, difference) => {
  const { resolve, home } = await setUp(smallModel, ({ request, response, hub: self }) => {
    if (request.host !== "hub" || !request.path.endsWith(".safetensors")) return false;
    response.writeHead(302, {
      location: `${self.storageUrl}/model.safetensors`,
      "x-linked-etag": self.etag("model.safetensors"),
      "x-linked-size": String(weights.length + difference),
    });
    response.end();
    return true;
  });
  await expect(resolve()).rejects.toMatchObject({
    code: expect.stringMatching(/^DYN_HUB_(CORRUPT|UNAVAILABLE)$/),
    message: expect.stringContaining("org/name/model.safetensors"),
  });
  expect(existsSync(join(home, "hub", "models--org--name", "refs", "main"))).toBe(false);
});

test("wrong content is refused by its sha256 and leaves nothing behind", async () => {
  const wrong = Buffer.from(weights);
  wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
  const { resolve, home, hub } = await setUp(
    smallModel,
    storageGet(({ request, response, hub: self }) => {
      self.sendFile(response, request, wrong);
      return true;
    }),
  );
  await expect(resolve()).rejects.toMatchObject({
    code: "DYN_HUB_CORRUPT",
    message: expect.stringMatching(/sha256 is [0-9a-f]{64}, the hub announced/),
  });
  const blobs = readdirSync(join(home, "hub", "models--org--name", "blobs"));
  expect(blobs.some((name) => name.startsWith(hub.etag("model.safetensors")))).toBe(false);
});

test("a file that changes between tries is taken in its new form", async () => {
  const first = "{}".padEnd(50_000);
  const second = '{"a":1}'.padEnd(60_000);
  const { resolve } = await setUp(
    { ...smallModel, "tokenizer.json": first },
    ({ request, nth, response, hub: self }) => {
      if (request.method !== "GET" || !request.path.endsWith("/tokenizer.json")) return false;
      if (nth > 1) return false;
      self.sendFile(response, request, Buffer.from(first), {
        breakAfterBytes: 1000,
        headers: { etag: `"${self.etag("tokenizer.json")}"` },
      });
      self.files.set("tokenizer.json", Buffer.from(second));
      return true;
    },
  );
  const model = await resolve();
  expect(readFileSync(join(model.path, "tokenizer.json"), "utf8")).toBe(second);
});

test("429 waits as long as Retry-After asks, 500 backs off", async () => {
  const { resolve, sleeps } = await setUp(smallModel, ({ request, nth, response }) => {
    if (!request.path.startsWith("/api/") || nth > 2) return false;
    response.writeHead(nth === 1 ? 429 : 500, nth === 1 ? { "retry-after": "7" } : {}).end();
    return true;
  });
  await resolve();
  expect(sleeps).toEqual([7000, 1500]);
});

test("a Retry-After of an hour is not waited for", async () => {
  const { resolve, sleeps } = await setUp(smallModel, ({ response }) => {
    response.writeHead(429, { "retry-after": "3600" }).end();
    return true;
  });
  await expect(resolve()).rejects.toThrow(/asks to wait 3600 s/);
  expect(sleeps).toEqual([]);
});

test.each([
  [401, {}, {}, "DYN_HUB_UNAUTHORIZED", /no such model, or it is private.*HF_TOKEN/],
  [401, {}, { HF_TOKEN: "bad" }, "DYN_HUB_UNAUTHORIZED", /token from HF_TOKEN/],
  [401, { "x-error-code": "GatedRepo" }, {}, "DYN_HUB_GATED", /Accept its terms .*HF_TOKEN/],
  [403, { "x-error-code": "GatedRepo" }, { HF_TOKEN: "t" }, "DYN_HUB_GATED", /has no access/],
  [404, { "x-error-code": "RevisionNotFound" }, {}, "DYN_HUB_NOT_FOUND", /no revision "main"/],
  [404, { "x-error-code": "RepoNotFound" }, {}, "DYN_HUB_NOT_FOUND", /no model "org\/name"/],
] as const)(
  "%i with %j is not tried again and says what to do",
  async (status, headers, env, code, message) => {
    const { resolve, hub, sleeps } = await setUp(smallModel, ({ response }) => {
      response.writeHead(status, headers).end();
      return true;
    });
    await expect(resolve("org/name", { env })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(hub.requests).toHaveLength(1);
    expect(sleeps).toEqual([]);
  },
);

test("the token goes to the hub and never to the storage", async () => {
  const { resolve, hub } = await setUp();
  await resolve("org/name", { env: { HF_TOKEN: "secret" } });
  for (const request of hub.requests) {
    expect(request.headers.authorization).toBe(
      request.host === "hub" ? "Bearer secret" : undefined,
    );
  }
  expect(hub.count("GET", "/model.safetensors")).toBe(2);
});

test("the token file is read when HF_TOKEN is not set", async () => {
  const { resolve, hub, home } = await setUp();
  await writeFile(join(home, "token"), "from-file\n");
  await resolve();
  expect(hub.requests[0]?.headers.authorization).toBe("Bearer from-file");
});

test("an expired link to the storage is asked for again", async () => {
  const { resolve } = await setUp(
    smallModel,
    storageGet(({ nth, response }) => {
      if (nth > 1) return false;
      response.writeHead(403).end();
      return true;
    }),
  );
  expect((await resolve()).source).toBe("hub-download");
});

test("offline: a complete cache is used without a request", async () => {
  const { resolve, hub } = await setUp();
  await resolve();
  const before = hub.requests.length;
  const model = await resolve("org/name", { env: { HF_HUB_OFFLINE: "1" } });
  expect(model.source).toBe("hub-cache");
  expect(hub.requests.length).toBe(before);
});

test("offline: says what the cache lacks", async () => {
  const { resolve, home, hub } = await setUp();
  await expect(resolve("org/name", { env: { HF_HUB_OFFLINE: "1" } })).rejects.toMatchObject({
    code: "DYN_HUB_OFFLINE",
    message: expect.stringContaining('no revision "main"'),
  });
  const model = await resolve();
  const blob = join(home, "hub", "models--org--name", "blobs", hub.etag("model.safetensors"));
  await rm(blob);
  await expect(resolve("org/name", { env: { HF_HUB_OFFLINE: "1" } })).rejects.toThrow(
    `${model.path} lacks model.safetensors`,
  );
});

test("a sharded model brings the shards that its index names and nothing else", async () => {
  const shard = (name: string) => encodeSafetensors([{ name, dtype: "F32", shape: [2] }]);
  const { resolve } = await setUp({
    "config.json": "{}",
    "model-1.safetensors": shard("a"),
    "model-2.safetensors": shard("b"),
    "consolidated.safetensors": shard("c"),
    "model.safetensors.index.json": JSON.stringify({
      weight_map: { a: "model-1.safetensors", b: "model-2.safetensors" },
    }),
  });
  const model = await resolve();
  expect(readdirSync(model.path)).not.toContain("consolidated.safetensors");
  expect([...(await openCheckpoint(model.path)).tensors.keys()]).toEqual(["a", "b"]);
});

test("PyTorch pickles are refused with the remedy before anything is downloaded", async () => {
  const { resolve, hub } = await setUp({ "config.json": "{}", "pytorch_model.bin": "x" });
  await expect(resolve()).rejects.toThrow(/Convert to safetensors/);
  expect(hub.requests).toHaveLength(1);
});

test("a hub that is not there is named", async () => {
  const { resolve } = await setUp();
  await expect(resolve("org/name", { env: { HF_ENDPOINT: "http://127.0.0.1:9" } })).rejects.toThrow(
    /cannot reach 127\.0\.0\.1:9/,
  );
});

test("two at once download each file once", async () => {
  const { resolve, hub } = await setUp();
  const [one, two] = await Promise.all([resolve(), resolve()]);
  expect(one.path).toBe(two.path);
  expect(hub.requests.filter((r) => r.host === "storage")).toHaveLength(1);
});

test("the lock of a dead process is broken", async () => {
  const { resolve, hub, home } = await setUp();
  const locks = join(home, "hub", ".locks", "models--org--name");
  await mkdir(locks, { recursive: true });
  await writeFile(
    join(locks, `${hub.etag("model.safetensors")}.dyn.lock`),
    JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), id: "x" }),
  );
  expect((await resolve()).source).toBe("hub-download");
});

test("an aborted signal ends the download", async () => {
  const controller = new AbortController();
  const { resolve } = await setUp(
    smallModel,
    storageGet(() => {
      controller.abort(new Error("enough"));
      return true;
    }),
  );
  await expect(resolve("org/name", { signal: controller.signal })).rejects.toMatchObject({
    code: "DYN_REQUEST_CANCELLED",
  });
});

test.each(["./no/such", "/no/such", "~/no-such-dir"])(
  "%s is never asked of the hub",
  async (path) => {
    const { resolve, hub } = await setUp();
    await expect(resolve(path)).rejects.toMatchObject({ code: "DYN_MODEL_FILE_MISSING" });
    expect(hub.requests).toHaveLength(0);
  },
);

test.each(["models/qwen/8b", "qwen3", "org/na me", "org/a..b", "org/a--b", ""])(
  "%j is neither a directory nor a hub id",
  async (id) => {
    const { resolve, hub } = await setUp();
    await expect(resolve(id)).rejects.toMatchObject({
      code: "DYN_HUB_ID_INVALID",
      message: expect.stringContaining("neither a directory on this machine nor a hub id"),
    });
    expect(hub.requests).toHaveLength(0);
  },
);

test("a directory is taken as it is", async () => {
  const { resolve } = await setUp();
  const path = temporaryDirectory();
  expect(await resolve(path)).toEqual({ path, source: "directory" });
});

test.runIf(existsSync("/dev/full"))("a full disk is said plainly", async () => {
  const { resolve, home, hub } = await setUp();
  const blobs = join(home, "hub", "models--org--name", "blobs");
  await mkdir(blobs, { recursive: true });
  await symlink("/dev/full", join(blobs, `${hub.etag("model.safetensors")}.incomplete`));
  await expect(resolve()).rejects.toMatchObject({
    code: "DYN_HUB_DISK",
    message: expect.stringMatching(/\.incomplete: the disk is full\. .* set HF_HOME/),
  });
});

test("a cache that cannot be written is named", async () => {
  const { resolve, home } = await setUp();
  const file = join(home, "file");
  await writeFile(file, "");
  await expect(resolve("org/name", { env: { HF_HOME: file } })).rejects.toMatchObject({
    code: "DYN_HUB_DISK",
    message: expect.stringContaining(join(file, "hub")),
  });
});

test("a lock that nobody has touched for long is broken", async () => {
  const { resolve, hub, home } = await setUp();
  const locks = join(home, "hub", ".locks", "models--org--name");
  await mkdir(locks, { recursive: true });
  const lock = join(locks, `${hub.etag("model.safetensors")}.dyn.lock`);
  await writeFile(lock, JSON.stringify({ pid: 1, host: "another", id: "x" }));
  const longAgo = new Date(Date.now() - 120_000);
  await utimes(lock, longAgo, longAgo);
  expect((await resolve()).source).toBe("hub-download");
  expect(existsSync(lock)).toBe(false);
});
