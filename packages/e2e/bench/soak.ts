// `pnpm soak:agg [seconds]`: 64 concurrent mixed requests with random aborts against `dyn launch agg`.
import { soak } from "../src/soak.ts";
import { startLaunch } from "../src/start-program.ts";

const seconds = Number(process.argv[2] ?? 60);
const program = await startLaunch(["agg"]);
const result = await soak({
  url: program.ready,
  systemUrl: program.systemUrl,
  pid: program.process.pid!,
  model: "dyn-tiny-chat",
  concurrency: 64,
  durationMs: seconds * 1000,
  seed: Number(process.argv[3] ?? 1),
});
await program.stop();
console.log(JSON.stringify({ seconds, startMs: Math.round(program.startMs), ...result }, null, 2));
process.exitCode = result.errors.length > 0 ? 1 : 0;
