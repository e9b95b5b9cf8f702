import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("..", import.meta.url));
const code = /```ts\n(.*?)```/s.exec(readFileSync(`${folder}README.md`, "utf8"))?.[1] ?? "";

/** Runs the README's example as a program of its own. */
function runExample(argv: readonly string[], env: Readonly<Record<string, string>>) {
  const node = ["--conditions=@dyn/source", "--import", "tsx", "--input-type=module", "-"];
  return spawnSync(process.execPath, [...node, ...argv], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    input: code,
    encoding: "utf8",
  });
}

test("the README's example prints what the README says", () => {
  const { stdout, stderr } = runExample(["--models", "a", "b"], { TOOL_PORT: "9000" });
  expect(stderr).toBe("");
  expect(stdout).toBe("9000 { kind: 'env', detail: 'TOOL_PORT' } []\n");
});

test("the README's errors are those of the program", () => {
  expect(runExample(["--prot", "1"], {}).stderr).toContain(
    "Unknown flag --prot. Did you mean --port? tool --help lists the flags.",
  );
  expect(runExample([], { TOOL_PORT: "http" }).stderr).toContain(
    '--port cannot be "http" (from TOOL_PORT). Expected an integer from 0 to 65535.',
  );
});
