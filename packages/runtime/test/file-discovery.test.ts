import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drawU64, FileDiscovery } from "@dyn/runtime";
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

discoveryConformance("file", async () => join_());

const recorded = JSON.parse(
  readFileSync(
    new URL("./fixtures/discovery/file-backend-aggregated-mocker.json", import.meta.url),
    "utf8",
  ),
) as { file: string; content: string }[];

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
  const other = join_();
  expect(await other.list("v1/instances")).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
  await other.close();
  await dead.close();
});

test("a live process keeps its records fresh, and puts back what was deleted", async () => {
  const member = join_({ touchIntervalMs: 10, staleAfterMs: 200 });
  const bucket: Bucket = "v1/instances";
  const record = decodeRecord(bucket, {
    key: "k",
    value: recorded.find(({ file }) => file.startsWith(bucket))!.content,
  });
  await member.put(record);
  await new Promise((resolve) => setTimeout(resolve, 400));
  const other = join_({ staleAfterMs: 200 });
  expect(await other.list(bucket)).toHaveLength(1);
  await rm(join(root, bucket), { recursive: true });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await other.list(bucket)).toHaveLength(1);
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
  setTimeout(() => end.abort(), 200);
  for await (const event of member.watch("v1/instances", { signal: end.signal }))
    seen.push(event.type);
  expect(seen).toEqual(["put", "synced"]);
  await member.close();
});
