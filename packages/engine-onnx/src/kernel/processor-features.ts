import { existsSync, readFileSync } from "node:fs";

/** What our machine code is made of. */
const needed = ["avx2", "fma"] as const;

/** `null` when this processor can run it; otherwise why not. */
export function whyNoMachineCode(): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "it needs Linux on x86-64";
  if (!existsSync("/proc/cpuinfo")) return "/proc/cpuinfo cannot be read";
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  const known = new Set(flags.trim().split(/\s+/));
  const missing = needed.filter((feature) => !known.has(feature));
  return missing.length === 0 ? null : `the processor lacks ${missing.join(" and ")}`;
}
