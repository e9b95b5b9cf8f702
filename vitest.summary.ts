import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with the one plain line that scripts read: `N passed, N failed, N skipped`. */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      if (module.state() === "failed" && module.errors().length > 0) count.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state] += 1;
        if (state !== "passed" || !test.diagnostic()?.flaky) continue;
        console.log(`PASSED AT THE SECOND TRY: ${module.relativeModuleId} > ${test.fullName}`);
        for (const { message } of test.result().errors ?? []) console.log(`  ${message}`);
      }
    }
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  }
}
