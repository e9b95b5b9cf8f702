// The first program of every package's README runs as it stands there, and prints what its README lets one expect.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { modelPath } from "@dyn/tiny-models";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const runner = join(root, "packages/e2e/src/run-snippets.ts");
/** By package; those that print nothing worth a look have an empty pattern. `null`: does not run by itself. */
const printed: Readonly<Record<string, RegExp | null>> = {
  args: /^8000 \{ kind: 'default'/,
  disagg: /type: 'length'/,
  engine: /finishedRequests: 1/,
  "engine-onnx": /Uint32Array|\[ \d+/,
  gateway: /url: 'http:\/\/127\.0\.0\.1:\d+'/,
  grammar: /true true/,
  handlers: /^$/,
  health: /^200$/m,
  "kv-events": /workerId: 7n,\s+dpRank: 0,\s+deviceBlocks: 2/,
  "kv-indexer": /^$/,
  "kv-relay": /^$/,
  // To stderr, as all logs.
  logging: /^$/,
  metrics: /^text\/plain/,
  "model-files": /directory/,
  parsers: /toolCalls/,
  protocol: /token_ids/,
  router: /^$/,
  runtime: /^hello\nworld$/,
  "tiny-models": /dyn-tiny-chat/,
  tokenizer: /Hello, wörld! 👋<\|im_end\|>/,
  tracing: /null/,
  // Asks a worker on port 8081; packages/weights/test asks one.
  weights: null,
};

/** `null`: the README holds no program. */
async function readProgram(name: string): Promise<string | null> {
  const readme = await readFile(join(root, "packages", name, "README.md"), "utf8").catch(() => "");
  return /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? null;
}

let folder: string;
const files: string[] = [];
/** By file: what it printed, and how it ended. */
const outcomes = new Map<string, { readonly end: string; readonly output: string }>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dyn-readmes-"));
  await symlink(modelPath("dyn-tiny-chat"), join(folder, "my-model"));
  await symlink(join(root, "packages"), join(folder, "packages"));
  for (const [name, pattern] of Object.entries(printed)) {
    const program = await readProgram(name);
    if (pattern === null || program === null) continue;
    // In the package's own folder, whose dependencies are the ones that the README may use.
    const file = fileOf(name);
    await writeFile(file, program.replace("port: 8000", "port: 0"));
    files.push(file);
  }
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=@dyn/source", "--import", "tsx", runner],
    {
      cwd: root,
      env: {
        ...process.env,
        DYN_SNIPPETS: JSON.stringify({ folder, files }),
        DYN_FILE_KV: join(folder, "discovery"),
      },
      timeout: 280_000,
    },
  );
  for (const [, output, end, file] of stdout.matchAll(/([\s\S]*?)\n(ran|failed) (\/.*)\n/g)) {
    outcomes.set(file!, { end: end!, output: output!.trim() });
  }
});
afterAll(async () => {
  for (const file of files) await rm(file, { force: true });
  await rm(folder, { recursive: true, force: true });
});

function fileOf(name: string): string {
  return join(root, "packages", name, `.readme-${process.pid}.mts`);
}

it("every README with a program is among these", async () => {
  const names: string[] = [];
  for (const name of await readdir(join(root, "packages"))) {
    if ((await readProgram(name)) !== null) names.push(name);
  }
  expect(names.sort()).toEqual(Object.keys(printed).sort());
});

const running = Object.entries(printed).filter(([, pattern]) => pattern !== null);
it.each(running)("the program of %s runs", (name, pattern) => {
  const { end, output } = outcomes.get(fileOf(name)) ?? { end: "never begun", output: "" };
  expect(output).toMatch(pattern!);
  expect(end).toBe("ran");
});
