import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localizeCard } from "@dyn/model-files";
import { type CardFile, contentChecksum, type ModelCard } from "@dyn/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const contents: Readonly<Record<string, string>> = {
  "/config.json": '{"eos_token_id":1}',
  "/tokenizer.json": '{"tokens":true}',
  "/mine.jinja": "{{ messages }}",
  "/org/model/resolve/main/tokenizer.json": '{"tokens":true}',
};
let folder: string;
let server: Server;
let base: string;
let asked: string[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "dyn-card-"));
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const text = contents[request.url ?? ""];
    response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  await new Promise((resolve) => server.close(resolve));
});

const fileOf = (path: string, text: string, more: Partial<CardFile> = {}): CardFile => ({
  path,
  checksum: contentChecksum(Buffer.from(text)),
  sizeBytes: Buffer.byteLength(text),
  ...more,
});
const hosted = (name: string, more: Partial<CardFile> = {}): CardFile =>
  fileOf(`${base}/${name}`, contents[`/${name}`]!, more);
const cardOf = (files: ModelCard["files"], sourcePath = "/no/such/place"): ModelCard => ({
  displayName: "m",
  sourcePath,
  files,
  modelTypes: ["chat"],
  modelInput: "tokens",
  contextLength: 8,
  kvCacheBlockSize: 1,
  endpoint: "dyn://a.b.c",
  created: 0,
});
const localize = (card: ModelCard, fallbackDirectory?: string) =>
  localizeCard(card, { cacheDirectory: join(folder, "cache"), fallbackDirectory });

test("files of a URL lie in one directory under the names that loaders look for, and are fetched once", async () => {
  const card = cardOf({
    config: hosted("config.json"),
    tokenizer: hosted("tokenizer.json"),
    chatTemplate: { isCustom: true, file: hosted("mine.jinja") },
  });
  const local = await localize(card);
  const names = ["chat_template.jinja", "config.json", "tokenizer.json"];
  expect(readdirSync(local.sourcePath).toSorted()).toEqual(names);
  expect(readFileSync(local.files!.chatTemplate!.file.path, "utf8")).toBe("{{ messages }}");
  expect(await localize(card)).toEqual(local);
  expect(asked).toHaveLength(3);
});

test("another content under the same URL is another directory", async () => {
  const first = await localize(cardOf({ tokenizer: hosted("tokenizer.json") }));
  await expect(
    localize(cardOf({ tokenizer: fileOf(`${base}/tokenizer.json`, "other", { sizeBytes: 99 }) })),
  ).rejects.toMatchObject({ code: "DYN_CARD_FILE_CHECKSUM" });
  expect(readdirSync(first.sourcePath)).toEqual(["tokenizer.json"]);
});

test.each<[string, Partial<CardFile>, string]>([
  ["more bytes than the card allows", { sizeBytes: 3 }, "DYN_CARD_FILE_TOO_LARGE"],
  ["another checksum", { checksum: `blake3:${"0".repeat(64)}` }, "DYN_CARD_FILE_CHECKSUM"],
])("%s are refused and leave nothing behind", async (_what, more, code) => {
  const card = cardOf({ tokenizer: hosted("tokenizer.json", more) });
  await expect(localize(card)).rejects.toMatchObject({ code });
  const kept = readdirSync(join(folder, "cache"), { recursive: true, withFileTypes: true });
  expect(kept.filter((entry) => entry.isFile())).toEqual([]);
});

test("an address that does not answer is a retryable error that names it", async () => {
  const gone = { ...hosted("tokenizer.json"), path: `${base}/gone.json` };
  await expect(localize(cardOf({ tokenizer: gone }))).rejects.toMatchObject({
    code: "DYN_CARD_FILE_MISSING",
    retryable: true,
    message: expect.stringContaining("gone.json cannot be read: it answers 404"),
  });
});

test("local files are used where they lie, once they are what the card says", async () => {
  const path = join(folder, "tokenizer.json");
  writeFileSync(path, "here");
  const card = cardOf({ tokenizer: fileOf(path, "here") });
  expect(await localize(card)).toMatchObject({
    sourcePath: folder,
    files: { tokenizer: { path } },
  });
  expect(await localize(cardOf({ tokenizer: fileOf(`file://${path}`, "here") }))).toMatchObject({
    files: { tokenizer: { path } },
  });
  writeFileSync(path, "changed");
  await expect(localize(card)).rejects.toThrow(/on this machine has the checksum/);
});

test("a path of another machine is looked for in the fallback directory, then at the hub", async () => {
  vi.stubEnv("HF_ENDPOINT", base);
  const file = fileOf("/elsewhere/tokenizer.json", contents["/tokenizer.json"]!);
  const fromHub = await localize(cardOf({ tokenizer: file }, "org/model"));
  expect(asked).toEqual(["/org/model/resolve/main/tokenizer.json"]);
  expect(readFileSync(fromHub.files!.tokenizer!.path, "utf8")).toBe('{"tokens":true}');
  writeFileSync(join(folder, "tokenizer.json"), contents["/tokenizer.json"]!);
  expect(await localize(cardOf({ tokenizer: file }), folder)).toMatchObject({ sourcePath: folder });
  const unknown = fileOf("/elsewhere/tokenizer.json", "nowhere");
  await expect(localize(cardOf({ tokenizer: unknown }))).rejects.toThrow("DYN_SYSTEM_PORT=0");
});

test("a card without files stays as it is", async () => {
  const card = cardOf(undefined, "org/model");
  expect(await localize(card)).toBe(card);
});
