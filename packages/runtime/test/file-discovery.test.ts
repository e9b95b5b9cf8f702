import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DiscoveryRecord, drawU64, FileDiscovery, recordKey } from "@dyn/runtime";
import { mountSmallDisk } from "@dyn/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { decodeFileName, encodeFileName } from "../src/discovery/key-path.ts";
import type { Bucket } from "../src/discovery/record.ts";
import { decodeRecord } from "../src/discovery/record-codec.ts";
import { discoveryConformance } from "./conformance/discovery.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "dyn-discovery-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const join_ = (options: object = {}) =>
  new FileDiscovery({ root, instanceId: drawU64(), ...options });

const instanceRecord = (instanceId: bigint): DiscoveryRecord => ({
  type: "instance",
  instance: {
    id: { namespace: "dyn", component: "backend", endpoint: "generate" },
    instanceId,
    transport: { tcp: "127.0.0.1:1/x" },
  },
});

discoveryConformance("file", async () => join_());

const recorded = JSON.parse(
  readFileSync(
    new URL("./fixtures/discovery/file-backend-aggregated-mocker.json", import.meta.url),
    "utf8",
  ),
) as { file: string; content: string }[];

/** `member` is there, and `other` sees it. */
async function watchOne(member: FileDiscovery, other: FileDiscovery) {
  const value = recorded.find(({ file }) => file.startsWith("v1/instances"))!.content;
  await member.put(decodeRecord("v1/instances", { key: "k", value }));
  const end = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { type } of other.watch("v1/instances", { signal: end.signal }))
      seen.push(type);
  })();
  await expect.poll(() => seen).toEqual(["put", "synced"]);
  const stop = async () => {
    end.abort();
    await watching;
  };
  return { seen, stop };
}

test("the files of a real mocker are found and read", async () => {
  for (const { file, content } of recorded) {
    await mkdir(join(root, file, ".."), { recursive: true });
    await writeFile(join(root, file), content);
  }
  const member = join_();
  const instances = await member.list("v1/instances");
  expect(instances).toHaveLength(2);
  expect(instances[0]).toMatchObject({
    instance: { id: { component: "backend" }, transport: { codec: "msgpack" } },
  });
  const [model] = await member.list("v1/mdc");
  expect(model).toMatchObject({
    type: "model",
    card: { modelTypes: ["chat", "completions"], modelInput: "tokens" },
  });
  await member.close();
});

test("file names are the reference's, both ways", () => {
  for (const { file } of recorded) {
    const name = file.split("/").slice(2).join("/");
    expect(encodeFileName(decodeFileName(name)!)).toBe(name);
  }
  expect(decodeFileName(".tmp_0011")).toBeNull();
});

test("a record of a process that died turns stale, vanishes and is deleted", async () => {
  const dead = join_({ touchIntervalMs: 1e9 });
  const record = decodeRecord("v1/instances", {
    key: "k",
    value: recorded.find(({ file }) => file.startsWith("v1/instances"))!.content,
  });
  await dead.put(record);
  const folder = join(root, "v1/instances");
  const [name] = await readdir(folder);
  const old = new Date(Date.now() - 60_000);
  await utimes(join(folder, name!), old, old);
  const other = join_({ staleAfterMs: 100 });
  expect(await other.list("v1/instances")).toEqual([]);
  // The file goes once it has been watched for so long.
  await expect
    .poll(async () => [await other.list("v1/instances"), await readdir(folder)])
    .toEqual([[], []]);
  await other.close();
  await dead.close();
});

test("a watch tells a record that nobody keeps alive from one that was taken away", async () => {
  const watcher = join_({ staleAfterMs: 4_000, pollIntervalMs: 20 });
  const stopped = join_({ instanceId: 1n, touchIntervalMs: 1e9 });
  const leaving = join_({ instanceId: 2n, touchIntervalMs: 20 });
  for (const member of [stopped, leaving]) await member.put(instanceRecord(member.instanceId));
  const end = new AbortController();
  const gone: [string, boolean][] = [];
  for await (const event of watcher.watch("v1/instances", { signal: end.signal })) {
    if (event.type === "synced") await leaving.delete(recordKey(instanceRecord(2n)));
    if (event.type !== "delete") continue;
    gone.push([event.key, event.isExpired]);
    if (gone.length === 2) end.abort();
  }
  expect(gone).toEqual([
    [recordKey(instanceRecord(2n)), false],
    [recordKey(instanceRecord(1n)), true],
  ]);
  await Promise.all([watcher.close(), stopped.close(), leaving.close()]);
});

test("a clock that jumps an hour, either way, on either side, takes nobody for dead", async () => {
  let jumpMs = 0;
  const now = () => Date.now() + jumpMs;
  const member = join_({ now, touchIntervalMs: 20 });
  const watcher = join_({ now, staleAfterMs: 1_500, pollIntervalMs: 20 });
  const sober = join_({ staleAfterMs: 1_500, pollIntervalMs: 20 });
  const value = recorded.find(({ file }) => file.startsWith("v1/instances"))!.content;
  await member.put(decodeRecord("v1/instances", { key: "k", value }));
  const end = new AbortController();
  const seen: string[][] = [[], []];
  const watching = [watcher, sober].map(async (other, index) => {
    for await (const { type } of other.watch("v1/instances", { signal: end.signal }))
      seen[index]!.push(type);
  });
  await expect.poll(() => seen.every((types) => types.includes("synced"))).toBe(true);
  for (jumpMs of [3_600_000, -3_600_000, 0]) {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
  expect(seen).toEqual([
    ["put", "synced"],
    ["put", "synced"],
  ]);
  end.abort();
  await Promise.all(watching);
  await Promise.all([member, watcher, sober].map((one) => one.close()));
});

test("a process that was stopped for long comes back, and takes nobody for dead", async () => {
  let monotonicMs = 0;
  const monotonicNow = () => monotonicMs;
  const [member, other] = [
    join_({ touchIntervalMs: 20 }),
    join_({ monotonicNow, pollIntervalMs: 20 }),
  ];
  const { seen, stop } = await watchOne(member, other);
  monotonicMs += 20_000;
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(seen).toEqual(["put", "synced"]);
  await stop();
  await Promise.all([member.close(), other.close()]);
});

test("what stood still together, watcher and watched, takes nobody for dead; who stays silent then is", async () => {
  let stoppedMs = 0;
  const monotonicNow = () => performance.now() + stoppedMs;
  const member = join_({ touchIntervalMs: 1e9 });
  const other = join_({ monotonicNow, pollIntervalMs: 20, staleAfterMs: 5_000 });
  const { seen, stop } = await watchOne(member, other);
  stoppedMs = 60_000;
  // Several looks, and no touch yet.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(seen).toEqual(["put", "synced"]);
  await expect.poll(() => seen).toEqual(["put", "synced", "delete"]);
  await stop();
  await Promise.all([member.close(), other.close()]);
});

test("a folder that is full refuses a new record with a sentence and keeps those that stand", async ({
  skip,
  onTestFinished,
}) => {
  const full = mountSmallDisk();
  if (full === null) return skip();
  onTestFinished(full.remove);
  const member = join_({ root: full.folder, touchIntervalMs: 20 });
  const other = join_({ root: full.folder });
  const value = recorded.find(({ file }) => file.startsWith("v1/instances"))!.content;
  const record = decodeRecord("v1/instances", { key: "k", value });
  await member.put(record);
  full.fill();
  const late = decodeRecord("v1/instances", {
    key: "k",
    value: value.replace(/"instance_id":\d+/, '"instance_id":7'),
  });
  await expect(member.put(late)).rejects.toMatchObject({
    code: "DYN_DISCOVERY_WRITE_FAILED",
    message: expect.stringContaining("ENOSPC"),
  });
  await untilTouched(join(full.folder, "v1/instances"));
  expect(await other.list("v1/instances")).toEqual([record]);
  full.free();
  await member.put(late);
  expect(await other.list("v1/instances")).toHaveLength(2);
  await Promise.all([member.close(), other.close()]);
});

test("a live process keeps its records fresh, and puts back what was deleted", async () => {
  const member = join_({ touchIntervalMs: 50 });
  const bucket: Bucket = "v1/instances";
  const record = decodeRecord(bucket, {
    key: "k",
    value: recorded.find(({ file }) => file.startsWith(bucket))!.content,
  });
  await member.put(record);
  await untilTouched(join(root, bucket));
  const other = join_();
  expect(await other.list(bucket)).toHaveLength(1);
  // It may write again before the folder is gone.
  await rm(join(root, bucket), { recursive: true, maxRetries: 20 });
  await expect.poll(() => other.list(bucket)).toHaveLength(1);
  await other.close();
  await member.close();
});

test("a file that is no record is told of and left out", async () => {
  const problems: string[] = [];
  await mkdir(join(root, "v1/mdc"), { recursive: true });
  await writeFile(join(root, "v1/mdc", encodeFileName("a/b/c/1")), "{not json");
  const member = join_({ onProblem: (message: string) => problems.push(message) });
  expect(await member.list("v1/mdc")).toEqual([]);
  expect(problems).toHaveLength(1);
  await member.close();
});

test("a touch is no change for a watcher", async () => {
  const member = join_({ touchIntervalMs: 5, pollIntervalMs: 10 });
  const value = recorded.find(({ file }) => file.startsWith("v1/instances"))!.content;
  await member.put(decodeRecord("v1/instances", { key: "k", value }));
  const end = new AbortController();
  const seen: string[] = [];
  for await (const event of member.watch("v1/instances", { signal: end.signal })) {
    seen.push(event.type);
    if (event.type !== "synced") continue;
    void (async () => {
      for (let touches = 0; touches < 10; touches++) await untilTouched(join(root, "v1/instances"));
    })().then(() => end.abort());
  }
  expect(seen).toEqual(["put", "synced"]);
  await member.close();
});

/** The one file of the folder has a newer time than it has now. */
async function untilTouched(folder: string): Promise<void> {
  const names = await readdir(folder);
  const file = join(folder, names.find((name) => decodeFileName(name) !== null)!);
  const { mtimeMs } = await stat(file);
  await expect
    .poll(async () => (await stat(file)).mtimeMs, { interval: 5 })
    .toBeGreaterThan(mtimeMs);
}
