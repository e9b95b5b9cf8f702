import { ArgsError } from "@dyn/args";

export interface NamedEngine {
  readonly workerId: bigint;
  readonly dpRank: number;
  readonly endpoint: string;
}

/** `--workers`: `7=tcp://host:5557`, `7:1=tcp://host:5558`. Throws an ArgsError that names the entry. */
export function parseEngines(entries: readonly string[]): NamedEngine[] {
  return entries.map((entry) => {
    const found = /^(\d{1,20})(?::(\d{1,5}))?=((?:tcp|ipc):\/\/\S+)$/.exec(entry.trim());
    const workerId = BigInt(found?.[1] ?? -1);
    if (found === null || workerId >= 2n ** 64n) {
      throw new ArgsError(
        "INVALID_VALUE",
        `--workers has "${entry}". Give id=tcp://host:port, or id:rank=tcp://host:port, with an id below 2^64.`,
        { flag: "--workers" },
      );
    }
    return { workerId, dpRank: Number(found[2] ?? 0), endpoint: found[3]! };
  });
}
