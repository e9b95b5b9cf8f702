// From the start of `dyn launch agg` (built) to the first streamed token, a process per part and in one process by turns.
//   pnpm exec turbo run build --filter=@dyn/launch... && node --conditions=@dyn/source --import tsx packages/e2e/bench/start.ts [runs]
import { request } from "node:http";
import { residentMb } from "../src/resident-mb.ts";
import { startProcess } from "../src/start-program.ts";

const runs = Number(process.argv[2] ?? 5);
const forms = { processes: [], "single process": ["--single-process"] } as const;
const results = Object.keys(forms).map((form) => ({
  form,
  ms: [] as number[],
  mb: [] as number[],
}));
for (let run = 0; run < runs; run++) {
  for (const [i, flags] of Object.values(forms).entries()) {
    const begun = performance.now();
    const program = await startProcess({
      command: process.execPath,
      args: ["apps/launch/bin/dyn.js", "launch", "agg", ...flags],
      env: { DYN_HTTP_HOST: "127.0.0.1", DYN_HTTP_PORT: "0" },
      ready: /^ +url +(http:\S+)$/m,
    });
    await firstToken(program.ready);
    results[i]?.ms.push(Math.round(performance.now() - begun));
    results[i]?.mb.push(residentMb(program.process.pid ?? 0));
    await program.stop();
  }
}
for (const { form, ms, mb } of results) {
  const sorted = ms.toSorted((a, b) => a - b);
  console.log(form, "ms:", sorted.join(" "), "RSS MB:", mb.join(" "));
}

/** Resolves with the first piece of a streamed answer. */
function firstToken(url: string): Promise<void> {
  const body = {
    model: "dyn-tiny-chat",
    stream: true,
    messages: [{ role: "user", content: "What is 12 + 30?" }],
  };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/chat/completions`, { method: "POST" }, (response) => {
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        if (!/"content":"[^"]/.test(text)) return;
        response.destroy();
        resolve();
      });
      response.on("error", () => {});
    });
    sent.setHeader("content-type", "application/json");
    sent.on("error", reject);
    sent.end(JSON.stringify(body));
  });
}
