// `pnpm fuzz [count] [seed]`: mutated bodies over all POST routes of a gateway in a process of its own.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { fuzzDoor } from "./fuzz-door.ts";

const count = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
console.log(`seed ${seed}`);

const server = fork(fileURLToPath(new URL("./serve.ts", import.meta.url)), [], {
  execArgv: [...process.execArgv, "--expose-gc"],
});
let exit: string | null = null;
server.on("exit", (code, signal) => {
  exit = `${code ?? signal}`;
});
const hear = async <Answer>() => (await once(server, "message"))[0] as Answer;
const ask = <Answer>(question: string) => {
  const answer = hear<Answer>();
  server.send(question);
  return answer;
};
const { url } = await hear<{ url: string }>();

const samples: { readonly sent: number; readonly rssMb: number; readonly heapMb: number }[] = [];
const begunMs = performance.now();
const result = await fuzzDoor({
  url,
  seed,
  count,
  concurrency: 16,
  timeoutMs: 30_000,
  every: Math.max(1, Math.floor(count / 40)),
  onProgress: async (sent) => {
    const { rss, heapUsed } = await ask<{ rss: number; heapUsed: number }>("memory");
    samples.push({ sent, rssMb: rss / 2 ** 20, heapMb: heapUsed / 2 ** 20 });
    console.error(`${sent} sent, RSS ${Math.round(rss / 2 ** 20)} MiB`);
  },
});
const seconds = (performance.now() - begunMs) / 1000;
const wasAlive = exit === null;
const end = wasAlive ? await ask<object>("idle") : null;
server.kill();

const later = samples.slice(Math.floor(samples.length / 2));
console.log(
  JSON.stringify(
    {
      seed,
      ...result,
      seconds: Math.round(seconds),
      perSecond: Math.round(result.sent / seconds),
      serverExit: wasAlive ? null : exit,
      end,
      rssMb: samples.map(({ rssMb }) => Math.round(rssMb)),
      heapMb: samples.map(({ heapMb }) => Math.round(heapMb)),
      /** Of the second half, in MiB per 10,000 requests. */
      rssSlope: slope(later.map(({ sent, rssMb }) => [sent / 10_000, rssMb])),
      heapSlope: slope(later.map(({ sent, heapMb }) => [sent / 10_000, heapMb])),
    },
    null,
    1,
  ),
);
process.exitCode = result.faults.length > 0 || !wasAlive ? 1 : 0;

/** Least squares, rounded to hundredths. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (index: 0 | 1) =>
    points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0);
  const under = points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
  return Math.round((over / under) * 100) / 100;
}
