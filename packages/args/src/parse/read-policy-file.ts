// The file of --router-policy-config, for every program that routes.
import { readFile } from "node:fs/promises";
import { ArgsError } from "../args-error.ts";
import { loadYaml } from "./load-yaml.ts";

export interface PolicyFileOptions {
  readonly routerPolicyConfig?: string | undefined;
  readonly routerPrefillPolicy?: string | undefined;
  readonly routerDecodePolicy?: string | undefined;
}

/** `null`: none is given. Throws an ArgsError where the file cannot be read, or a policy is named that only a file could describe. */
export async function readPolicyFile({
  routerPolicyConfig: path,
  routerPrefillPolicy,
  routerDecodePolicy,
}: PolicyFileOptions): Promise<{ readonly path: string; readonly document: unknown } | null> {
  if (path === undefined) {
    refuseWithoutFile("--router-prefill-policy", routerPrefillPolicy);
    refuseWithoutFile("--router-decode-policy", routerDecodePolicy);
    return null;
  }
  try {
    return { path, document: loadYaml().parse(await readFile(path, "utf8")) };
  } catch (error) {
    throw new ArgsError("CONFIG_FILE", `--router-policy-config ${path} cannot be read: ${error}`, {
      flag: "--router-policy-config",
    });
  }
}

function refuseWithoutFile(flag: string, name: string | undefined): void {
  if (name === undefined || name === "default") return;
  throw new ArgsError(
    "UNSUPPORTED_FLAG",
    `${flag} is ${name}, and there is no policy file that says what this is. Give one with --router-policy-config, or say default.`,
    { flag },
  );
}
