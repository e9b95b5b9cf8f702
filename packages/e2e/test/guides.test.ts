// The programs in the guides run as they stand there.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));

function run(guide: string): string {
  const text = readFileSync(join(root, "docs/guides", guide), "utf8");
  const program = /```ts\n([\s\S]*?)```/.exec(text)?.[1];
  if (program === undefined) throw new Error(`${guide} holds no program.`);
  // Beside this package's own sources, so that its dependencies are found.
  const folder = mkdtempSync(join(root, "packages/e2e/.guide-"));
  try {
    const file = join(folder, "program.mts");
    writeFileSync(file, program);
    return execFileSync(process.execPath, ["--conditions=@dyn/source", "--import", "tsx", file], {
      encoding: "utf8",
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("an engine without HTTP answers", () => {
  expect(run("use-one-package.md")).toContain("42");
});
