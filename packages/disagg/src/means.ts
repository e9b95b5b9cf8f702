// What this process can do to move KV fast, found once: mapped memory and checksums.
import { type Checksums, loadChecksums } from "./checksum/checksums.ts";
import { loadProcessMemory, type ProcessMemory } from "./memory/process-memory.ts";

export interface Means {
  /** `null`: shared memory is read and written like a file. */
  readonly memory: ProcessMemory | null;
  readonly whyNoMemory: string | null;
  readonly checksums: Checksums;
  /** For the operator. */
  readonly notice: (text: string) => void;
}

export async function loadMeans(notice: (text: string) => void): Promise<Means> {
  const memory = await loadProcessMemory();
  return {
    memory: typeof memory === "string" ? null : memory,
    whyNoMemory: typeof memory === "string" ? memory : null,
    checksums: await loadChecksums(),
    notice,
  };
}
