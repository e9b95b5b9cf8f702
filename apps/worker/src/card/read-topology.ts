// Where this worker stands, from files that whoever placed it wrote (in Kubernetes: a mounted volume that may come late).
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { WorkerArgs } from "@dyn/args";
import { InvalidArgumentError, type ModelCard } from "@dyn/protocol";

/** Its part of a model card. */
export type Topology = Pick<
  NonNullable<ModelCard["runtimeConfig"]>,
  "topologyDomains" | "kvTransferDomain" | "kvTransferEnforcement" | "kvTransferPreferredWeight"
>;

const waitMs = 30_000;
const pollMs = 100;

/** Nothing when topology is off. Waits 30 s for the files; throws when they, or the transfer domain's, do not come. */
export async function readTopology(
  { values }: WorkerArgs,
  signal: AbortSignal,
  patienceMs = waitMs,
): Promise<Topology> {
  const { enabled, mountPath, kvTransferDomain: domain, ...transfer } = values.topology;
  if (!enabled) return {};
  const end = Date.now() + patienceMs;
  for (;;) {
    const topologyDomains = await readDomains(mountPath);
    const isThere = domain === undefined ? size(topologyDomains) > 0 : domain in topologyDomains;
    if (isThere) {
      if (domain === undefined) return { topologyDomains };
      const { kvTransferEnforcement, kvTransferPreferredWeight: weight } = transfer;
      return {
        topologyDomains,
        kvTransferDomain: domain,
        kvTransferEnforcement,
        ...(weight === undefined ? {} : { kvTransferPreferredWeight: weight }),
      };
    }
    if (Date.now() >= end) throw missing(mountPath, domain, topologyDomains, patienceMs);
    await pause(pollMs, undefined, { signal });
  }
}

async function readDomains(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const domains: Record<string, string> = {};
  for (const entry of entries) {
    // A mounted volume keeps its versions in folders and links that begin with a dot.
    if (entry.name.startsWith(".") || entry.isDirectory()) continue;
    const value = (await readFile(join(folder, entry.name), "utf8")).trim();
    if (value !== "") domains[entry.name] = value;
  }
  return domains;
}

function missing(
  folder: string,
  domain: string | undefined,
  found: Record<string, string>,
  patienceMs: number,
): InvalidArgumentError {
  const what = domain === undefined ? "no file with a value" : `no file ${domain} with a value`;
  const names = Object.keys(found).join(", ") || "nothing";
  return new InvalidArgumentError(
    `DYN_TOPOLOGY_ENABLED is set, and ${folder} has ${what} after ${patienceMs / 1000} s (it has ${names}). ` +
      "Write the files, or set DYN_TOPOLOGY_MOUNT_PATH or DYN_KV_TRANSFER_DOMAIN to what is there.",
    { param: "DYN_TOPOLOGY_MOUNT_PATH" },
  );
}

function size(domains: Record<string, string>): number {
  return Object.keys(domains).length;
}
