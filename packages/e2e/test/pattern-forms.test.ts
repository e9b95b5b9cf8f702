// A bundled pattern has three forms: the launcher's file, plain commands, containers. They start the same programs.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadYaml, parseFrontendArgs, parseWorkerArgs } from "@dyn/args";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { untilRouted } from "../src/deployment.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const forms = join(root, "docs/deploy/patterns");
const patterns = join(root, "apps/launch/patterns");
const names = readdirSync(patterns).map((file) => file.replace(/\.yaml$/, ""));

type Flags = Readonly<Record<string, unknown>>;
interface Pattern {
  readonly processes: readonly {
    readonly program: "frontend" | "worker";
    readonly replicas?: number;
    readonly flags?: Flags;
  }[];
}
interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly command?: readonly string[];
        readonly deploy?: { readonly replicas: number };
        readonly extends: { readonly file: string; readonly service: string };
      }
    >
  >;
}

const read = (file: string): unknown =>
  loadYaml().parse(readFileSync(file, "utf8"), { merge: true });

/** What a program makes of a command line, or of a pattern's flags. */
function valuesOf(program: string, argv: readonly string[], flags: Flags = {}): unknown {
  const parse = program.endsWith("frontend") ? parseFrontendArgs : parseWorkerArgs;
  const args = parse({ argv, env: {}, preset: { name: "pattern", values: flags } });
  if (args.action !== "run") throw new Error(`${program} prints.`);
  return { program: program.replace("dyn-", ""), values: args.values };
}

/** `argv` in front of each program's. */
function valuesOfPattern(name: string, frontendArgv: readonly string[] = []): unknown[] {
  const { processes } = read(join(patterns, `${name}.yaml`)) as Pattern;
  return processes.flatMap(({ program, replicas = 1, flags = {} }) =>
    Array.from({ length: replicas }, () =>
      valuesOf(program, program === "frontend" ? frontendArgv : [], flags),
    ),
  );
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dyn-forms-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function writeProgram(name: string, body: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

test("every bundled pattern has both other forms", () => {
  const files = readdirSync(forms).filter((file) => file !== "until-signal.sh");
  const wanted = names.flatMap((name) => [`${name}.compose.yaml`, `${name}.sh`]);
  expect(files.toSorted()).toEqual(wanted.toSorted());
});

describe.each(names)("%s", (name) => {
  test("as plain commands", () => {
    // In place of the programs stands one that writes down what it was started with.
    for (const program of ["dyn-frontend", "dyn-worker"]) {
      const note = `exec node -e 'require("fs").writeFileSync(process.argv[1] + "/" + process.pid + ".json", JSON.stringify({ program: "${program}", argv: process.argv.slice(2), discovery: process.env.DYN_DISCOVERY_BACKEND }))' -- "${folder}" "$@"`;
      writeProgram(program, note);
    }
    const { DYN_DISCOVERY_BACKEND: _, MODEL: __, ...env } = process.env;
    execFileSync("sh", [join(forms, `${name}.sh`)], {
      env: { ...env, PATH: `${folder}:${env.PATH}` },
    });
    const notes = readdirSync(folder)
      .filter((file) => file.endsWith(".json"))
      .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")));
    for (const { discovery } of notes) expect(discovery).toBe("file");
    const values = notes.map(({ program, argv }) => valuesOf(program, argv));
    expect(sorted(values)).toEqual(sorted(valuesOfPattern(name)));
  });

  test("as containers", () => {
    const { services } = read(join(forms, `${name}.compose.yaml`)) as Compose;
    const base = (read(join(root, "docs/deploy/compose.yaml")) as Compose).services;
    const values = Object.values(services).flatMap(({ command, deploy, extends: from }) => {
      expect(from.file).toBe("../compose.yaml");
      expect(Object.keys(base)).toContain(from.service);
      const [program, ...argv] = command ?? [];
      if (program === undefined) return [];
      const shown = argv.map((word) => word.replace(/^\$\{MODEL:-(.*)\}$/, "$1"));
      return Array.from({ length: deploy?.replicas ?? 1 }, () => valuesOf(program, shown));
    });
    expect(sorted(values)).toEqual(sorted(valuesOfPattern(name, ["--http-port", "8000"])));
  });
});

function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value, null, 1)).sort();
}

test.runIf(process.platform !== "win32")(
  "agg-router.sh serves, and SIGTERM drains its workers before the frontend goes",
  async () => {
    for (const app of ["frontend", "worker"]) {
      writeProgram(
        `dyn-${app}`,
        `exec "${process.execPath}" --conditions=@dyn/source --import tsx apps/${app}/src/main.ts "$@"`,
      );
    }
    const mock = ["--engine", "mock", "--served-model-name", "tiny"];
    const script = spawn(
      "sh",
      [join(forms, "agg-router.sh"), ...mock, "--mock-decode-ms-per-step", "20"],
      {
        cwd: root,
        env: {
          ...process.env,
          PATH: `${folder}:${process.env.PATH}`,
          DYN_FILE_KV: join(folder, "discovery"),
          DYN_HTTP_HOST: "127.0.0.1",
          DYN_HTTP_PORT: "0",
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let output = "";
    for (const stream of [script.stdout, script.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    const ended = once(script, "exit");
    try {
      const url = () => /"url":"(http:[^"]+)"/.exec(output)?.[1];
      await expect.poll(url, { timeout: 60_000 }).toBeDefined();
      await untilRouted(url()!, 2);
      const answer = await fetch(`${url()}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          model: "tiny",
          prompt: "Once",
          max_tokens: 100,
          ignore_eos: true,
          stream: true,
        }),
      });
      const chunks = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = (await chunks.read()).value ?? "";
      script.kill("SIGTERM");
      for (let next = await chunks.read(); !next.done; next = await chunks.read())
        text += next.value;
      expect(text).toMatch(/"finish_reason":"length"[\s\S]*\[DONE\]/);
      expect(await ended).toEqual([0, null]);
    } finally {
      script.kill("SIGTERM");
      await ended;
    }
  },
);
