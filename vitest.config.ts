import { defineConfig } from "vitest/config";

// "import" must not be among them: it would reach require() too, which then gets ES modules.
const conditions = ["@dyn/source", "node"];

export default defineConfig({
  ssr: { resolve: { conditions } },
  test: {
    include: ["{packages,apps}/*/test/**/*.test.ts"],
    execArgv: ["--conditions=@dyn/source"],
    reporters: ["default", "./vitest.summary.ts"],
    // For what hangs alone: a machine that has other work is slow, and not wrong.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // Hundreds of tests wait for other processes. One that needed a second try is told of by name at the end: it is a fault.
    retry: 1,
    // A second, which is vitest's own, is short for what other processes do on two busy cores.
    expect: { poll: { timeout: 60_000 } },
  },
});
