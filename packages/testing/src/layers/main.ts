// `pnpm layers`: fails when an import goes up, sideways, or past what package.json says.
import { fileURLToPath } from "node:url";
import { checkLayers } from "./layers.ts";
import { readPackages } from "./read-packages.ts";

const packages = readPackages(fileURLToPath(new URL("../../../../", import.meta.url)));
const faults = checkLayers(packages);
for (const fault of faults) console.error(fault);
console.log(`layers: ${packages.length} packages, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;
