// The checksums that this process computes, the fastest one first. Which one a pair of engines uses is agreed on when they meet.
import { crc32 } from "node:zlib";
import { loadProcessMemory } from "../memory/process-memory.ts";
import { type Checksum, createCrc32c } from "./create-crc32c.ts";

export const checksumNames = ["crc32c", "crc32"] as const;
export type ChecksumName = (typeof checksumNames)[number];
export type Checksums = ReadonlyMap<ChecksumName, Checksum>;

/** Every process has `crc32`. */
export async function loadChecksums(): Promise<Checksums> {
  const memory = await loadProcessMemory();
  const crc32c = typeof memory === "string" ? memory : createCrc32c(memory);
  const checksums = new Map<ChecksumName, Checksum>();
  if (typeof crc32c !== "string") checksums.set("crc32c", crc32c);
  checksums.set("crc32", crc32);
  return checksums;
}

/** The first of ours that the other side has as well; `null` = none. */
export function agreeOnChecksum(own: Checksums, theirs: readonly string[]): ChecksumName | null {
  return [...own.keys()].find((name) => theirs.includes(name)) ?? null;
}
