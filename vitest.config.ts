import { defineConfig } from "vitest/config";

const conditions = ["@dyn/source", "node", "import", "default"];

export default defineConfig({
  ssr: { resolve: { conditions } },
  test: {
    include: ["{packages,apps}/*/test/**/*.test.ts"],
    execArgv: ["--conditions=@dyn/source"],
    reporters: ["default", "./vitest.summary.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
