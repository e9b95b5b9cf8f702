import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkLayers } from "../src/layers/layers.ts";
import { readPackages } from "../src/layers/read-packages.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

test("the tree keeps its layers", () => {
  expect(checkLayers(readPackages(root))).toEqual([]);
});

test("an import that goes up, an undeclared one and a borrowed library are named", () => {
  const specifiers = ["@dyn/gateway", "prom-client", "left-pad"];
  const faults = checkLayers([
    {
      name: "tokenizer",
      dependencies: ["@dyn/gateway", "prom-client"],
      imports: specifiers.map((specifier) => ({ file: "a.ts", specifier })),
    },
  ]);
  expect(faults).toEqual([
    "a.ts: imports up to @dyn/gateway (layer 4 from 1).",
    "a.ts: prom-client belongs to @dyn/metrics alone; use what that package offers.",
    "a.ts: imports left-pad, which @dyn/tokenizer does not depend on.",
    "@dyn/tokenizer/package.json: imports up to @dyn/gateway (layer 4 from 1).",
    "@dyn/tokenizer/package.json: prom-client belongs to @dyn/metrics alone; use what that package offers.",
  ]);
});
