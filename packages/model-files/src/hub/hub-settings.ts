// The one place that reads the hub's environment variables; names and defaults are huggingface_hub's.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { isNotFound, toFileError } from "../files/model-file-error.ts";

export interface HubSettings {
  /** Holds models--org--name directories. */
  readonly cacheDir: string;
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly token: string | null;
  /** Where the token came from, for messages. */
  readonly tokenSource: string;
  readonly offline: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

export async function readHubSettings(env: Environment): Promise<HubSettings> {
  const home = expandHome(
    text(env.HF_HOME) ?? join(text(env.XDG_CACHE_HOME) ?? join(homedir(), ".cache"), "huggingface"),
  );
  const tokenFile = expandHome(text(env.HF_TOKEN_PATH) ?? join(home, "token"));
  const fromEnv = text(env.HF_TOKEN) ?? text(env.HUGGING_FACE_HUB_TOKEN);
  const fromFile = fromEnv === undefined ? await readTokenFile(tokenFile) : undefined;
  return {
    cacheDir: expandHome(
      text(env.HF_HUB_CACHE) ?? text(env.HUGGINGFACE_HUB_CACHE) ?? join(home, "hub"),
    ),
    endpoint: (text(env.HF_ENDPOINT) ?? "https://huggingface.co").replace(/\/+$/, ""),
    token: fromEnv ?? fromFile ?? null,
    tokenSource: fromFile === undefined ? "HF_TOKEN" : tokenFile,
    offline: isSet(env.HF_HUB_OFFLINE) || isSet(env.TRANSFORMERS_OFFLINE),
  };
}

export function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

function text(value: string | undefined): string | undefined {
  const trimmed = value?.trim();
  return trimmed === "" ? undefined : trimmed;
}

function isSet(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((value ?? "").trim().toUpperCase());
}

async function readTokenFile(file: string): Promise<string | undefined> {
  try {
    return text(await readFile(file, "utf8"));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw toFileError(error, file);
  }
}
