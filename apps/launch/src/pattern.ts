// A deployment pattern: a YAML file with the flags of each part.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ArgsError, loadYaml, type Preset } from "@dyn/args";
import { z } from "zod";

const flags = z.record(z.string(), z.unknown());
const PatternFile = z.strictObject({ summary: z.string(), frontend: flags, worker: flags });

export interface Pattern {
  readonly summary: string;
  readonly frontend: Preset;
  readonly worker: Preset;
}

/** src/ and dist/ both stand directly below the package's root. */
const folder = fileURLToPath(new URL("../patterns/", import.meta.url));

/** `agg`, `agg_router` and `agg-router` name bundled patterns; anything with .yaml is a file. Throws ArgsError. */
export function loadPattern(nameOrFile: string): Pattern {
  const isFile = /\.ya?ml$/.test(nameOrFile);
  const name = nameOrFile.replaceAll("_", "-");
  if (!isFile && !bundledPatterns().includes(name)) {
    throw new ArgsError(
      "INVALID_VALUE",
      `There is no deployment pattern "${nameOrFile}". Bundled: ${bundledPatterns().join(", ")}; or give a YAML file.`,
      { flag: "pattern" },
    );
  }
  const file = isFile ? nameOrFile : `${folder}${name}.yaml`;
  const parsed = PatternFile.safeParse(readYaml(file));
  if (!parsed.success) {
    throw new ArgsError(
      "CONFIG_FILE",
      `${file} is no deployment pattern: ${z.prettifyError(parsed.error)}`,
    );
  }
  const preset = (part: "frontend" | "worker"): Preset => ({
    name: `pattern ${name}: ${part}`,
    values: parsed.data[part],
  });
  return { summary: parsed.data.summary, frontend: preset("frontend"), worker: preset("worker") };
}

export function bundledPatterns(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => name.replace(/\.yaml$/, ""));
}

function readYaml(file: string): unknown {
  try {
    return loadYaml().parse(readFileSync(file, "utf8"));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ArgsError("CONFIG_FILE", `${file} cannot be read: ${why}`, { cause });
  }
}
