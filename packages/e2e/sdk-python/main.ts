// `pnpm sdk:python [--seed N] [pytest's arguments]`: the Python SDKs and schemathesis against `dyn launch agg` and a worker
// of images and videos, in a Python environment that it sets up by itself.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startLaunch, startProcess } from "../src/start-program.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));

function preparePython(): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const environment = join(cache, "dyn-interop", "sdk-python");
  const python = join(environment, "bin", "python");
  if (!existsSync(python)) {
    mkdirSync(environment, { recursive: true });
    execFileSync("python3", ["-m", "venv", environment], { stdio: "inherit" });
  }
  const pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r"];
  execFileSync(python, [...pip, join(folder, "requirements.txt")], { stdio: "inherit" });
  return python;
}

const { values, tokens } = parseArgs({
  options: { seed: { type: "string" } },
  allowPositionals: true,
  strict: false,
  tokens: true,
});
const seed = String(values.seed ?? Math.floor(Math.random() * 2 ** 31));
// What is not ours is pytest's, as it was written.
const ours = new Set(
  tokens.flatMap((token) =>
    token.kind === "option" && token.name === "seed"
      ? [token.index, ...(token.inlineValue === false ? [token.index + 1] : [])]
      : [],
  ),
);
const asked = process.argv.slice(2).filter((_, i) => !ours.has(i));

const python = preparePython();
console.log(`seed ${seed} (repeat with --seed ${seed})`);
const discovery = mkdtempSync(join(tmpdir(), "dyn-sdk-python-"));
const env = { DYN_FILE_KV: discovery, DYN_SGLANG_ENABLE_GENERATE: "1" };
const program = await startLaunch(
  ["agg", "--enable-anthropic-api", "--discovery-backend", "file"],
  env,
);
const studio = await startProcess({
  command: process.execPath,
  args: ["--conditions=@dyn/source", "--import", "tsx", "packages/e2e/src/media-worker.ts"],
  env,
  ready: /ready: (yes)/,
});
try {
  const pytest = spawn(
    python,
    [
      ...["-m", "pytest", "-q", "-p", "no:cacheprovider", `--hypothesis-seed=${seed}`],
      ...(asked.length === 0 ? ["."] : asked),
    ],
    {
      cwd: folder,
      stdio: "inherit",
      env: {
        ...process.env,
        PYTHONDONTWRITEBYTECODE: "1",
        DYN_TEST_URL: program.ready,
        DYN_TEST_MODEL: "dyn-tiny-chat",
      },
    },
  );
  const [code] = await once(pytest, "exit");
  process.exitCode = code ?? 1;
} finally {
  await Promise.all([program.stop(), studio.stop()]);
  rmSync(discovery, { recursive: true, force: true });
}
