// How this router chooses, from its options. A policy file may say it for each kind of workers; which they are, their cards say.
import { isDeepStrictEqual } from "node:util";
import { type RouterArgs, readPolicyFile } from "@dyn/args";
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
  const { routerPrefillPolicy, routerDecodePolicy } = values.router;
  const flags = optionsToSettings(values.router);
  const file = await readPolicyFile(values.router);
  if (file === null) return { aggregated: flags, prefill: flags, decode: flags };
  const of = (stage: RouterStage, name?: string) =>
    applyPolicyFile(file.document, flags, file.path, { stage, name });
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
