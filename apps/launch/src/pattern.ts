// A deployment pattern: a YAML file that lists processes and their flags.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ArgsError, loadYaml, type Preset } from "@dyn/args";
import { z } from "zod";

const scalar = z.union([z.string(), z.number(), z.boolean()]);

const PatternProcess = z.strictObject({
  program: z.enum(["frontend", "worker"]),
  /** Default: the program's name. */
  name: z
    .string()
    .regex(/^[\w.-]+$/, "a name has letters, digits, dots, dashes and underscores")
    .optional(),
  replicas: z.number().int().min(1).max(64).default(1),
  /** By flag without dashes, as in a configuration file. */
  flags: z.record(z.string(), z.unknown()).default({}),
  /** Variables of this process that are set where the caller has not set them. */
  env: z.record(z.string(), scalar.transform(String)).default({}),
});

const PatternFile = z.strictObject({
  summary: z.string(),
  processes: z.array(PatternProcess).min(1),
});

export type ProgramName = z.infer<typeof PatternProcess>["program"];

export interface PatternProcess {
  readonly program: ProgramName;
  /** Unique in the pattern. */
  readonly name: string;
  readonly preset: Preset;
  readonly env: Readonly<Record<string, string>>;
}

export interface Pattern {
  readonly summary: string;
  /** In the order in which they stand there, replicas one by one. */
  readonly processes: readonly PatternProcess[];
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
  return readPattern(readYaml(file), isFile ? file : name);
}

/** `source` names it in errors and as the source of values. Throws ArgsError. */
export function readPattern(value: unknown, source: string): Pattern {
  const parsed = PatternFile.safeParse(value);
  if (!parsed.success) {
    throw new ArgsError(
      "CONFIG_FILE",
      `${source} is no deployment pattern: ${z.prettifyError(parsed.error)}`,
    );
  }
  const { summary, processes } = parsed.data;
  const named = processes.flatMap(({ name, program, replicas, flags, env }) =>
    Array.from({ length: replicas }, (_, i) => {
      const base = name ?? program;
      const unique = replicas === 1 ? base : `${base}-${i + 1}`;
      return {
        program,
        name: unique,
        preset: { name: `pattern ${source}, ${unique}`, values: flags },
        env,
      };
    }),
  );
  const twice = named.find(({ name }, i) => named.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) {
    throw new ArgsError(
      "CONFIG_FILE",
      `${source}: two processes are called ${twice.name}. Give one a name of its own (name:), or use replicas.`,
    );
  }
  return { summary, processes: named };
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
