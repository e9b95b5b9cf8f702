import { ArgsError } from "../args-error.ts";
import { loadYaml } from "./load-yaml.ts";

/** Reads a text file; throws as `fs.readFileSync` does. */
export type ReadFile = (path: string) => string;

export type Mapping = Readonly<Record<string, unknown>>;

/** Reads `--config FILE`: its root must be a mapping; an empty file is an empty one. */
export function readConfigFile(path: string, readFile: ReadFile): Mapping {
  if (!/\.ya?ml$/.test(path)) {
    throw fileError(`--config ${path}: the file's name must end in .yaml or .yml.`, "--config");
  }
  const root = readYaml(path, readFile, "--config") ?? {};
  if (!isMapping(root)) {
    throw fileError(
      `--config ${path}: the root must be a mapping of flags to values, like "page-size: 16".`,
      "--config",
    );
  }
  return root;
}

/** Reads one section of `--disagg-config FILE`. */
export function readConfigSection(path: string, key: string, readFile: ReadFile): Mapping {
  const flag = "--disagg-config";
  const root = readYaml(path, readFile, flag);
  if (!isMapping(root)) {
    throw fileError(
      `${flag} ${path}: the root must be a mapping of section names to sections.`,
      flag,
    );
  }
  if (!Object.hasOwn(root, key)) {
    const keys = Object.keys(root).join(", ") || "none";
    throw fileError(
      `--disagg-config-key ${key}: ${path} has no such section; it has ${keys}.`,
      "--disagg-config-key",
    );
  }
  const section = root[key];
  if (!isMapping(section)) {
    throw fileError(`${flag} ${path}: section ${key} must be a mapping of flags to values.`, flag);
  }
  return section;
}

function readYaml(path: string, readFile: ReadFile, flag: string): unknown {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw fileError(`${flag} ${path}: the file cannot be read (${why}).`, flag, error);
  }
  try {
    const document = loadYaml().parseDocument(text, { logLevel: "silent" });
    const fault = document.errors[0] ?? document.warnings[0];
    if (fault !== undefined) throw fault;
    return document.toJS();
  } catch (error) {
    const why = error instanceof Error ? error.message.trimEnd() : String(error);
    throw fileError(`${flag} ${path}: this is not YAML: ${why}`, flag, error);
  }
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fileError(message: string, flag: string, cause?: unknown): ArgsError {
  return new ArgsError("CONFIG_FILE", message, { flag, cause });
}
