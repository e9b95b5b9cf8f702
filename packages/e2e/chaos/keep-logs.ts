import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Deployment } from "./deployment.ts";

/** What every process printed, those that are gone included, in a folder of its own; gives its path. */
export function keepLogs(deployment: Deployment): string {
  const folder = mkdtempSync(join(tmpdir(), "dyn-soak-logs-"));
  for (const [number, { name, program }] of deployment.started.entries()) {
    writeFileSync(join(folder, `${number}-${name}.log`), program.output());
  }
  return folder;
}
