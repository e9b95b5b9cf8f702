// docs/deploy and docs/guides/deploy.md say what the programs understand.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadYaml, parseFrontendArgs, parseWorkerArgs, type ValueSource } from "@dyn/args";
import { expect, test } from "vitest";
import { complete } from "../src/deployment.ts";
import { startLaunch } from "../src/start-program.ts";

const docs = new URL("../../../docs/", import.meta.url);

interface Service {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

test("every program of compose.yaml understands its flags and its variables", () => {
  const text = readFileSync(new URL("deploy/compose.yaml", docs), "utf8");
  const { services } = loadYaml().parse(text, { merge: true }) as {
    services: Record<string, Service>;
  };
  const parse = { "dyn-frontend": parseFrontendArgs, "dyn-worker": parseWorkerArgs };
  const found = Object.values(services).flatMap(({ command = [], environment = {} }) => {
    const [program, ...argv] = command;
    const read = parse[program as keyof typeof parse];
    if (read === undefined) return [];
    const args = read({ argv, env: environment });
    if (args.action !== "run") throw new Error(`${program} prints.`);
    const sources = Object.values(
      args.sources as Record<string, Record<string, ValueSource>>,
    ).flatMap((concern) => Object.values(concern));
    const used = new Set(sources.map(({ kind, detail }) => (kind === "env" ? detail : "")));
    // Read by the hub client, and by the other program.
    const others = ["HF_TOKEN", "DYN_NAMESPACE"];
    const unknown = Object.keys(environment).filter(
      (name) => !used.has(name) && !others.includes(name),
    );
    expect(unknown).toEqual([]);
    expect(args.values.runtime).toMatchObject({ discoveryBackend: "etcd", eventPlane: "nats" });
    return [program];
  });
  expect(found.toSorted()).toEqual(["dyn-frontend", "dyn-worker"]);
});

test("the pattern of the guide starts", async () => {
  const guide = readFileSync(new URL("guides/deploy.md", docs), "utf8");
  const pattern = /```yaml\n([\s\S]*?)```/.exec(guide)?.[1] ?? "";
  const folder = mkdtempSync(join(tmpdir(), "dyn-guide-"));
  const file = join(folder, "pattern.yaml");
  writeFileSync(file, pattern);
  const program = await startLaunch([file, "--engine", "mock", "--served-model-name", "tiny"]);
  try {
    expect(await complete(program.ready, "Once", 5)).toMatchObject({ status: 200, tokenCount: 5 });
    await expect.poll(() => program.output()).toMatch(/^small +\| /m);
    expect(await program.stop()).toBe(0);
  } finally {
    await program.stop("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});
