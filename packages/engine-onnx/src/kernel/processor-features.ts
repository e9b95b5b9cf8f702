import { existsSync, readFileSync } from "node:fs";
import { placeCode } from "./executable-memory.ts";

/** What our machine code is made of. */
const needed = ["avx2", "fma"] as const;
const neededForHalfFloats = ["f16c"] as const;
const neededForKvMoves = ["avx", "sse4_2", "pclmulqdq"] as const;
const processorFile = "/proc/cpuinfo";
const returnAtOnce = 0xc3;

let answer: string | null | undefined;
let halfAnswer: string[] | undefined;
let moveAnswer: string[] | undefined;

/** `null` when this process can run our machine code, otherwise why not. */
export function whyNoMachineCode(): string | null {
  if (answer === undefined) answer = look();
  return answer;
}

/** Where machine code runs: `null` when it can also convert float16, otherwise why not. */
export function whyNoHalfFloats(): string | null {
  halfAnswer ??= missingFeatures(readFileSync(processorFile, "utf8"), neededForHalfFloats);
  return halfAnswer.length === 0 ? null : `the processor lacks ${halfAnswer.join(" and ")}`;
}

/** `null` when this process can move KV by machine code, otherwise why not. */
export function whyNoKvMover(): string | null {
  const why = whyNoMachineCode();
  if (why !== null) return why;
  moveAnswer ??= missingFeatures(readFileSync(processorFile, "utf8"), neededForKvMoves);
  return moveAnswer.length === 0 ? null : `the processor lacks ${moveAnswer.join(" and ")}`;
}

function look(): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "it needs Linux on x86-64";
  if (!existsSync(processorFile))
    return `${processorFile}, which names the processor, is not there`;
  const missing = missingFeatures(readFileSync(processorFile, "utf8"));
  if (missing.length > 0) return `the processor lacks ${missing.join(" and ")}`;
  try {
    placeCode(Uint8Array.of(returnAtOnce));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Of those that our code needs. `text`: /proc/cpuinfo */
export function missingFeatures(text: string, features: readonly string[] = needed): string[] {
  const flags = /^flags\s*:(.*)$/m.exec(text)?.[1] ?? "";
  const known = new Set(flags.trim().split(/\s+/));
  return features.filter((feature) => !known.has(feature));
}
