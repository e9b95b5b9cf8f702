/** Where a block lies, fastest first. The position is the bit of the index. */
export const storageTiers = ["device", "host_pinned", "disk", "external"] as const;
export type StorageTier = (typeof storageTiers)[number];

const mediumToTier: Readonly<Record<string, StorageTier>> = {
  "": "device",
  GPU: "device",
  CPU: "host_pinned",
  CPU_PINNED: "host_pinned",
  CPU_TIER1: "host_pinned",
  CPU_TIER2: "disk",
  DISK: "disk",
  NVME: "disk",
  STORAGE: "disk",
  EXTERNAL: "external",
};

/** The tier of an engine's `medium`; none means device, `null` = a medium that nobody knows. */
export function toStorageTier(medium: string | null | undefined): StorageTier | null {
  return Object.hasOwn(mediumToTier, medium ?? "") ? mediumToTier[medium ?? ""]! : null;
}
