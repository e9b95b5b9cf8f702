import { z } from "zod";
import { option } from "../option/option-meta.ts";

/** What `dyn launch` itself understands; every other flag is a worker's or a frontend's. */
export const launchOptions = z.object({
  pattern: option(
    "Name of a bundled deployment pattern, or a YAML file that describes one.",
    z.string().min(1),
    { group: "Launch", placeholder: "PATTERN" },
  ),
  singleProcess: option(
    "Run frontend and worker in this process instead of one each; for patterns of one of both.",
    z.boolean().default(false),
    { env: "DYN_LAUNCH_SINGLE_PROCESS", group: "Launch" },
  ),
});
