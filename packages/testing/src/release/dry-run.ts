// `pnpm release:dry-run`: packs every public package, installs the tarballs in an empty project with npm,
// imports each library there and asks each binary for its help. Publishes nothing.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: unknown;
  readonly bin?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "dyn-release-"));
try {
  const manifests = publicPackages();
  const tarballs = manifests.map(({ directory, manifest }) => {
    run("pnpm", ["pack", "--pack-destination", project], directory);
    const prefix = `${manifest.name.replace("@", "").replace("/", "-")}-`;
    const file = readdirSync(project).find(
      (name) => name.startsWith(prefix) && /^\d/.test(name.slice(prefix.length)),
    );
    if (file === undefined) throw new Error(`pnpm pack left no tarball of ${manifest.name}.`);
    return file;
  });
  writeFileSync(join(project, "package.json"), '{"name":"empty","private":true,"type":"module"}\n');
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  run(
    "npm",
    ["install", "--no-audit", "--no-fund", ...tarballs.map((file) => `./${file}`)],
    project,
    env,
  );
  for (const { manifest } of manifests) {
    if (manifest.exports !== undefined) {
      const source = `const m = await import("${manifest.name}"); if (Object.keys(m).length === 0) process.exit(1)`;
      run("node", ["--input-type=module", "-e", source], project);
    }
    for (const name of Object.keys(manifest.bin ?? {})) {
      const help = run(join(project, "node_modules/.bin", name), ["--help"], project);
      if (!help.includes(name)) throw new Error(`${name} --help does not name itself:\n${help}`);
    }
  }
  console.log(`release: ${tarballs.length} packages pack, install and load in an empty project`);
} finally {
  rmSync(project, { recursive: true, force: true });
}

function publicPackages() {
  return ["packages", "apps"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .map((name) => join(root, folder, name))
      .filter((directory) => existsSync(join(directory, "package.json")))
      .map((directory) => ({
        directory,
        manifest: JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest,
      }))
      .filter(({ manifest }) => manifest.private !== true),
  );
}

function run(command: string, args: readonly string[], cwd: string, env = process.env): string {
  return execFileSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
}
