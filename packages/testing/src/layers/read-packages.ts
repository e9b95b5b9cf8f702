import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { PackageImports } from "./layers.ts";

interface Manifest {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

/** Static, dynamic and type imports; a specifier in a comment or string can be caught too, and should read so. */
const importPattern = /(?:\bfrom|\bimport\(?|\brequire\()\s*["']([@\w][\w@/.:-]*)["']/g;

/** Every package of the workspace with what its sources import. */
export function readPackages(root: string): PackageImports[] {
  return ["packages", "apps"].flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => readPackage(root, join(root, folder, entry.name))),
  );
}

function readPackage(root: string, directory: string): PackageImports {
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
  const imports: { file: string; specifier: string }[] = [];
  for (const entry of readdirSync(join(directory, "src"), {
    recursive: true,
    withFileTypes: true,
  })) {
    if (!entry.isFile() || !/\.[cm]?ts$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    for (const [, specifier] of readFileSync(path, "utf8").matchAll(importPattern)) {
      if (!specifier || specifier.startsWith("node:")) continue;
      imports.push({ file: relative(root, path), specifier: packageOf(specifier) });
    }
  }
  return {
    name: manifest.name.replace("@dyn/", ""),
    dependencies: Object.keys({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.peerDependencies,
    }),
    imports,
  };
}

function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
