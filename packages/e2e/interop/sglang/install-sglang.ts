// Puts a real SGLang that needs no GPU, with Dynamo's worker over it, into the cache folder: once, then it is only looked at.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { arch, homedir, platform } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const requirements = fileURLToPath(new URL("./requirements.txt", import.meta.url));
const kernels = fileURLToPath(new URL("./stubs/sgl_kernel", import.meta.url));
/** What lies there at the end, with room for what is unpacked on the way. */
const neededBytes = 12e9;

/**
 * Resolves to the interpreter that has both. Rejects with the reason where this machine cannot: another system than
 * Linux on x86-64, no Python 3.11 (the list of versions is for it), too little disk, no package registry.
 */
export async function installSglang(): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const folder = join(cache, "dyn-interop", "sglang-0.5.21");
  const python = join(folder, "bin", "python");
  const done = join(folder, "installed");
  const wanted = fingerprint();
  if (read(done) === wanted) return python;
  if (platform() !== "linux" || arch() !== "x64") {
    throw new Error(
      `its CPU wheels are for Linux on x86-64, and this is ${platform()} on ${arch()}`,
    );
  }
  mkdirSync(folder, { recursive: true });
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < neededBytes) {
    const freeGb = ((bavail * bsize) / 1e9).toFixed(1);
    throw new Error(`${folder} needs ${neededBytes / 1e9} GB, and ${freeGb} are free`);
  }
  console.warn(`\n*** Real SGLang 0.5.21 is put into ${folder}: 7 GB, once. ***\n`);
  await run(await findPython(), ["-m", "venv", folder]);
  await run(python, ["-m", "pip", "install", "-q", "--disable-pip-version-check", "uv==0.9.0"]);
  // A cache beside it shares its files with what is installed, so that nothing lies there twice.
  const ownCache = join(folder, "uv-cache");
  const env = { ...process.env, UV_CACHE_DIR: process.env.UV_CACHE_DIR ?? ownCache };
  // Compiled now: each of a server's four processes imports all of it.
  const install = ["-m", "uv", "pip", "install", "-q", "--no-deps", "--compile-bytecode"];
  await run(python, [...install, "-p", python, "-r", requirements], { env });
  rmSync(ownCache, { recursive: true, force: true });
  const where = ["-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"];
  const site = (await run(python, where)).stdout.trim();
  cpSync(kernels, join(site, "sgl_kernel"), { recursive: true });
  writeFileSync(done, wanted);
  return python;
}

async function findPython(): Promise<string> {
  const version = ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"];
  for (const name of ["python3.11", "python3"]) {
    const found = await run(name, version).then(
      ({ stdout }) => stdout.trim(),
      () => null,
    );
    if (found === "3.11") return name;
  }
  throw new Error("neither python3.11 nor python3 is a Python 3.11 here");
}

/** Of everything that decides what is installed. */
function fingerprint(): string {
  const files = readdirSync(kernels).toSorted();
  const hash = createHash("sha256").update(readFileSync(requirements));
  for (const name of files) hash.update(readFileSync(join(kernels, name)));
  return hash.digest("hex");
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not there yet.
    return null;
  }
}
