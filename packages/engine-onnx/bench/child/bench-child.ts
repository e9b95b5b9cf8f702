// A side of a comparison in a process of its own, so that neither's memory or threads stand in the other's way. The file
// that describes the side is both the child (when it is started) and what starts it.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

interface Answer {
  readonly value?: unknown;
  readonly error?: string;
}

/** Starts the file at `url`; what comes back asks it one thing at a time. Rejects with what the child threw. */
export function startChild<Call>(url: string): (call: Call) => Promise<unknown> {
  const path = fileURLToPath(url);
  const child = fork(path, { execArgv: ["--conditions=@dyn/source", "--import", "tsx"] });
  return (call) =>
    new Promise((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`${path} ended (${code})`));
      child.once("exit", onExit);
      child.once("message", (answer: Answer) => {
        child.off("exit", onExit);
        if (answer.error === undefined) resolve(answer.value);
        else reject(new Error(answer.error));
      });
      child.send(call as object);
    });
}

/** In the child that `startChild` made of this file; anywhere else nothing. It ends behind the call of type `close`. */
export function serveChild<Call extends { readonly type: string }>(
  url: string,
  handle: (call: Call) => Promise<unknown>,
): void {
  if (process.send === undefined || process.argv[1] !== fileURLToPath(url)) return;
  process.on("message", async (call: Call) => {
    try {
      process.send?.({ value: await handle(call) } satisfies Answer);
    } catch (error) {
      const text = error instanceof Error ? String(error.stack) : String(error);
      process.send?.({ error: text } satisfies Answer);
    }
    if (call.type === "close") process.exit(0);
  });
}
