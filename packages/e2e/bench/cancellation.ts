// From a client's disconnect to its freed place on the worker, under load: frontend and worker in processes of their own,
// over loopback. Build first. The time includes the poll that sees it, up to a step of the engine, and the machine's load.
// Run: node --conditions=@dyn/source --import tsx packages/e2e/bench/cancellation.ts [background streams] [probes]
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@dyn/testing";
import { modelPath } from "@dyn/tiny-models";
import { fetchEngineLoad } from "../src/read-metrics.ts";
import { startProcess } from "../src/start-program.ts";

const streamCount = Number(process.argv[2] ?? 128);
const probeCount = Number(process.argv[3] ?? 300);
const root = await mkdtemp(join(tmpdir(), "dyn-bench-"));
const systemPort = await freePort();
const plane = ["--discovery-backend", "file"];
const worker = await startProcess({
  command: process.execPath,
  args: [
    ...["apps/worker/dist/main.js", "--model-path", modelPath("dyn-tiny-chat")],
    ...["--served-model-name", "mock", "--engine", "mock", "--context-length", "32768"],
    ...["--max-running-requests", "1024", "--mock-decode-ms-per-step", "5", ...plane],
    ...["--mock-page-count", "262144"],
  ],
  env: { DYN_FILE_KV: root, DYN_SYSTEM_PORT: String(systemPort), DYN_SYSTEM_HOST: "127.0.0.1" },
  ready: /(ready)/,
});
const frontend = await startProcess({
  command: process.execPath,
  args: ["apps/frontend/dist/main.js", ...plane],
  env: { DYN_FILE_KV: root, DYN_HTTP_HOST: "127.0.0.1", DYN_HTTP_PORT: "0" },
  ready: /(http:\/\/127\.0\.0\.1:\d+)/,
});
const system = `http://127.0.0.1:${systemPort}`;
try {
  await until(async () =>
    (await (await fetch(`${frontend.ready}/v1/models`)).text()).includes("mock"),
  );
  const background = await Promise.all(Array.from({ length: streamCount }, openStream));
  const base = (await fetchEngineLoad(system)).running;
  const times: number[] = [];
  for (let i = 0; i < probeCount; i++) {
    const probe = await openStream();
    await until(async () => (await fetchEngineLoad(system)).running === base + 1);
    const begun = performance.now();
    probe.destroy();
    await until(async () => (await fetchEngineLoad(system)).running === base);
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))]!.toFixed(1);
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
  );
  console.log(
    `${base} background streams, ${times.length} probes: ms from disconnect to freed: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`,
  );
  const allBegun = performance.now();
  for (const socket of background) socket.destroy();
  await until(async () => {
    const load = await fetchEngineLoad(system);
    return load.running + load.waiting + load.pagesUsed === 0;
  });
  console.log(
    `all ${base} at once: ${(performance.now() - allBegun).toFixed(1)} ms until no page is used`,
  );
} finally {
  await Promise.all([frontend.stop("SIGKILL"), worker.stop("SIGKILL")]);
  await rm(root, { recursive: true });
}

/** Resolves with the first event. */
function openStream(): Promise<Socket> {
  const body = JSON.stringify({
    model: "mock",
    messages: [{ role: "user", content: "Go on." }],
    max_tokens: 30_000,
    ignore_eos: true,
    stream: true,
  });
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(frontend.ready).port), "127.0.0.1");
    socket.on("error", reject);
    socket.once("data", () => resolve(socket));
    socket.on("data", () => {});
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("The awaited condition did not come true in 30 s.");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
