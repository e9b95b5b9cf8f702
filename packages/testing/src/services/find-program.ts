// System programs that tests talk to: found, or installed from Debian's packages where that is possible.
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

const folders = [
  ...(process.env.PATH ?? "").split(":"),
  "/usr/sbin",
  "/usr/local/sbin",
  "/usr/bin",
];

/** The absolute path, or `null` with a loud line that says what does not run for want of it. */
export function findProgram(name: string, debianPackage: string): string | null {
  const found = search(name);
  if (found !== null) return found;
  const problem = install(debianPackage);
  const installed = search(name);
  if (installed === null) {
    console.warn(
      `\n*** SKIPPED: ${name} is not on this machine (${problem ?? "the package does not hold it"}); tests that talk to it do not run. ***\n`,
    );
  }
  return installed;
}

function search(name: string): string | null {
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** `null` = installed; else why not. */
function install(debianPackage: string): string | null {
  if (process.getuid?.() !== 0) return "installing it needs root";
  if (search("apt-get") === null) return "there is no apt-get";
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", ["update", "-qq"], { env, stdio: "ignore", timeout: 120_000 });
  try {
    execFileSync("apt-get", ["install", "-y", "-qq", debianPackage], {
      env,
      stdio: "ignore",
      timeout: 240_000,
    });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.split("\n")[0]! : String(error);
  }
}
