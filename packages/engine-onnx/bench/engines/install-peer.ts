import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const peerPackage = "node-llama-cpp@3.22.1";

/** Installs the peer with npm, once; its CPU library comes as an npm package, no script runs. */
export function installPeer(directory: string): string {
  if (existsSync(join(directory, "node_modules", "node-llama-cpp"))) return directory;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), '{ "private": true }');
  execFileSync(
    "npm",
    ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", peerPackage],
    { cwd: directory, stdio: "inherit" },
  );
  return directory;
}
