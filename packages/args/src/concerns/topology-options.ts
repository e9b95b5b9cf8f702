import { z } from "zod";
import { option } from "../option/option-meta.ts";

const group = "Topology";

/** Where a worker stands: its card says so, and requests may require or prefer it. */
export const topologyOptions = z.object({
  enabled: option(
    "Read from files where this worker stands, and say it in the model card.",
    z.boolean().default(false),
    { env: "DYN_TOPOLOGY_ENABLED", envOnly: true, group },
  ),
  mountPath: option(
    "Directory of these files: the name of each is a domain, its text the value.",
    z.string().min(1).default("/etc/dynamo/topology"),
    { env: "DYN_TOPOLOGY_MOUNT_PATH", envOnly: true, group },
  ),
  kvTransferDomain: option(
    "Domain within which KV caches are handed over; its file must be there.",
    z.string().min(1).optional(),
    { env: "DYN_KV_TRANSFER_DOMAIN", envOnly: true, group },
  ),
  kvTransferEnforcement: option(
    "Whether that is a rule or a wish.",
    z.enum(["required", "preferred"]).default("required"),
    { env: "DYN_KV_TRANSFER_ENFORCEMENT", envOnly: true, group },
  ),
  kvTransferPreferredWeight: option("Weight of the wish.", z.number().min(0).optional(), {
    env: "DYN_KV_TRANSFER_PREFERRED_WEIGHT",
    envOnly: true,
    group,
  }),
});
