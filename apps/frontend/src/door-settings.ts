// Whom the gateway lets in, from the frontend's options: keys, certificates, limits.

import { unwatchFile, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";
import { ArgsError, type FrontendArgs, loadYaml } from "@dyn/args";
import { type ApiKeyEntry, type GatewayOptions, hashApiKey, readApiKeys } from "@dyn/gateway";
import type { Logger } from "@dyn/logging";

export async function doorSettings({
  values,
}: FrontendArgs): Promise<Pick<GatewayOptions, "keys" | "corsOrigins" | "tls">> {
  const { door, http } = values;
  const keys = await readKeys(values.door);
  return {
    ...(keys === null ? {} : { keys }),
    ...(door.corsOrigins.length === 0 ? {} : { corsOrigins: door.corsOrigins }),
    ...(http.tlsCertPath === undefined || http.tlsKeyPath === undefined
      ? {}
      : {
          tls: {
            cert: await readPem(http.tlsCertPath, "--tls-cert-path"),
            key: await readPem(http.tlsKeyPath, "--tls-key-path"),
            ca:
              http.tlsClientCaCertPath === undefined
                ? null
                : await readPem(http.tlsClientCaCertPath, "--tls-client-ca-cert-path"),
          },
        }),
  };
}

/** Reads the key file again when it changes; one that is not valid leaves the keys as they are. Returns its end. */
export function followKeys(
  { values }: FrontendArgs,
  setKeys: (keys: readonly ApiKeyEntry[]) => void,
  logger: Logger,
): () => void {
  const { door } = values;
  const { apiKeysFile } = door;
  if (apiKeysFile === undefined) return () => {};
  const reload = async () => {
    try {
      setKeys((await readKeys(door))!);
      logger.info("API keys read again", { file: apiKeysFile });
    } catch (error) {
      logger.error("The file of API keys changed and cannot be read; the keys before it hold.", {
        error: String(error),
      });
    }
  };
  const listener = () => void reload();
  watchFile(apiKeysFile, { interval: 1_000, persistent: false }, listener);
  return () => unwatchFile(apiKeysFile, listener);
}

/** `null`: no key is needed. */
async function readKeys(
  door: FrontendArgs["values"]["door"],
): Promise<readonly ApiKeyEntry[] | null> {
  const { apiKeysFile, apiKeys } = door;
  if (apiKeysFile === undefined && apiKeys.length === 0) return null;
  const unlimited = apiKeys.map((key, i) => ({ name: `env-${i + 1}`, hash: hashApiKey(key) }));
  if (apiKeysFile === undefined) return unlimited;
  const text = await readPem(apiKeysFile, "--api-keys-file");
  return [...readApiKeys(parse(text, apiKeysFile), apiKeysFile), ...unlimited];
}

function parse(text: string, path: string): unknown {
  try {
    return loadYaml().parse(text);
  } catch (error) {
    throw new ArgsError("CONFIG_FILE", `--api-keys-file ${path} is no YAML: ${error}`, {
      flag: "--api-keys-file",
    });
  }
}

async function readPem(path: string, flag: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ArgsError("CONFIG_FILE", `${flag} ${path} cannot be read: ${String(error)}`, {
      flag,
    });
  }
}
