// A frontend that shares no disk with the worker: it fetches the model's files from the worker's system server.
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { complete, Deployment, tinyModel, untilListed } from "../src/deployment.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
let deployment: Deployment;
let cache: string;
let model: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "dyn-cache-"));
  model = join(cache, "model");
  cpSync(join(root, tinyModel), model, { recursive: true });
  deployment = new Deployment({ XDG_CACHE_HOME: cache });
});
afterEach(async () => {
  await deployment.close();
  rmSync(cache, { recursive: true, force: true });
});

const hosted = { DYN_SYSTEM_PORT: "0" };
const files = ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"];

/** As they stand in discovery. */
function cardFilesOf({ folder }: Deployment): { path: string; checksum: string; size?: number }[] {
  const name = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((path) =>
    readTextOrNull(join(folder, path))?.includes("card_json"),
  );
  const { card_json: card } = JSON.parse(readTextOrNull(join(folder, name ?? "")) ?? "{}");
  return [card.model_info, card.tokenizer, card.prompt_formatter, card.gen_config].flatMap(
    (file) => (file == null ? [] : (Object.values(file) as { path: string; checksum: string }[])),
  );
}

function readTextOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

test("files come from the worker, are kept by their checksums, and serve a frontend that starts later", async () => {
  const worker = await deployment.startWorker(["--model-path", model], hosted);
  const named = cardFilesOf(deployment);
  expect(named.map(({ path }) => path).toSorted()).toEqual(
    files
      .filter((name) => existsSync(join(model, name)))
      .map((name) => `${worker.systemUrl}/v1/metadata/dynamo/backend/generate/tiny/_base/${name}`)
      .toSorted(),
  );
  const { ready: url } = await deployment.startFrontend();
  await untilListed(url, "tiny");
  const whole = await complete(url, "Once", 12);
  expect(whole).toMatchObject({ status: 200, tokenCount: 12 });
  const kept = readdirSync(join(cache, "dyn/cards"));
  expect(kept).toHaveLength(1);
  const tokenizer = join(cache, "dyn/cards", kept[0]!, "tokenizer.json");
  expect(readFileSync(tokenizer).equals(readFileSync(join(model, "tokenizer.json")))).toBe(true);

  // What the worker has now is another file: only a frontend that asks again would notice.
  writeFileSync(join(model, "tokenizer.json"), "{}");
  const second = await deployment.startFrontend();
  await untilListed(second.ready, "tiny");
  expect(await complete(second.ready, "Once", 12)).toEqual(whole);
});

test("a file that is not what the card says keeps the model out, with a sentence", async () => {
  await deployment.startWorker(["--model-path", model], hosted);
  const text = readFileSync(join(model, "tokenizer_config.json"), "utf8");
  writeFileSync(join(model, "tokenizer_config.json"), text.replace("{", "}"));
  const frontend = await deployment.startFrontend();
  await expect
    .poll(() => frontend.output())
    .toMatch(/tokenizer_config\.json has the checksum blake3:\w+, the card says blake3:/);
  await untilListed(frontend.ready);
  // It is tried again, and serves as soon as the file is right.
  writeFileSync(join(model, "tokenizer_config.json"), text);
  await untilListed(frontend.ready, "tiny");
});

test("with DYN_SELF_HOST_METADATA=0 the card names local paths, which are checked too", async () => {
  const worker = await deployment.startWorker(["--model-path", model], {
    ...hosted,
    DYN_SELF_HOST_METADATA: "0",
  });
  expect(cardFilesOf(deployment).map(({ path }) => path)).toContain(join(model, "tokenizer.json"));
  const { ready: url } = await deployment.startFrontend();
  await untilListed(url, "tiny");
  expect(existsSync(join(cache, "dyn/cards"))).toBe(false);
  expect(await worker.stop()).toBe(0);
});

test("a frontend serves the namespace it is given, and no other", async () => {
  const [one, prefixed] = await Promise.all([
    deployment.startFrontend([], { DYN_NAMESPACE: "one" }),
    deployment.startFrontend([], { DYN_NAMESPACE: "one", DYN_NAMESPACE_PREFIX: "tw" }),
  ]);
  await deployment.startWorker([], { DYN_NAMESPACE: "one" });
  await untilListed(one.ready, "tiny");
  await untilListed(prefixed.ready);
  await deployment.startWorker([], { DYN_NAMESPACE: "two" });
  await untilListed(prefixed.ready, "tiny");
});
