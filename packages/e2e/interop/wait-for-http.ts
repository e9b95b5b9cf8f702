import type { StartedProgram } from "../src/start-program.ts";

/** Resolves when the page answers with 2xx; rejects with the program's output when it ends or takes too long. */
export async function waitForHttp(
  url: string,
  program: StartedProgram,
  timeoutMs = 60_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end && program.process.exitCode === null) {
    const isUp = await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const tail = program.output().slice(-4_000);
  throw new Error(`${url} did not answer within ${timeoutMs} ms, or its program ended:\n${tail}`);
}
