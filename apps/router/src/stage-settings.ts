// How this router chooses, from its options. A policy file may say it for each kind of workers; which they are, their cards say.
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { ArgsError, loadYaml, type RouterArgs } from "@dyn/args";
import type { ModelCard } from "@dyn/protocol";
import {
  applyPolicyFile,
  optionsToSettings,
  type RouterSettings,
  type RouterStage,
} from "@dyn/router";

type StageSettings = Readonly<Record<RouterStage, Partial<RouterSettings>>>;

/** Throws an ArgsError, or the InvalidArgumentError of a file that is no policy. */
export async function stageSettings({ values }: RouterArgs): Promise<StageSettings> {
  const { routerPolicyConfig: path, routerPrefillPolicy, routerDecodePolicy } = values.router;
  const flags = optionsToSettings(values.router);
  if (path === undefined) {
    refuseWithoutFile("--router-prefill-policy", routerPrefillPolicy);
    refuseWithoutFile("--router-decode-policy", routerDecodePolicy);
    return { aggregated: flags, prefill: flags, decode: flags };
  }
  const document = await readYaml(path);
  const of = (stage: RouterStage, name?: string) =>
    applyPolicyFile(document, flags, path, { stage, name });
  return {
    aggregated: of("aggregated"),
    prefill: of("prefill", routerPrefillPolicy),
    decode: of("decode", routerDecodePolicy),
  };
}

/** Whether it matters of which kind the workers are. */
export function differsByStage({ aggregated, prefill, decode }: StageSettings): boolean {
  return !isDeepStrictEqual(aggregated, prefill) || !isDeepStrictEqual(aggregated, decode);
}

export function stageOf({ workerType }: ModelCard): RouterStage {
  return workerType === "prefill" || workerType === "decode" ? workerType : "aggregated";
}

function refuseWithoutFile(flag: string, name: string | undefined): void {
  if (name === undefined || name === "default") return;
  throw new ArgsError(
    "UNSUPPORTED_FLAG",
    `${flag} is ${name}, and there is no policy file that says what this is. Give one with --router-policy-config, or say default.`,
    { flag },
  );
}

async function readYaml(path: string): Promise<unknown> {
  try {
    return loadYaml().parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new ArgsError("CONFIG_FILE", `--router-policy-config ${path} cannot be read: ${error}`, {
      flag: "--router-policy-config",
    });
  }
}
