import type { RunningLaunch } from "./start-launch.ts";

/** What a person wants to know when it is up, one fact per line. */
export function startReport({ frontend, worker, startMs }: RunningLaunch): string {
  const { card, config, engine } = worker;
  const kvTokens = engine.pageCount * engine.pageSize;
  const kvMb = (kvTokens * engine.kvBytesPerToken) / 1e6;
  const rows: [string, string][] = [
    ["model", `${card.displayName} (${config.architecture})`],
    [
      "engine",
      `${engine.kind}, ${engine.dtype}, ${megabytes(engine.weightBytes / 1e6)} of weights`,
    ],
    ["context", `${count(engine.contextLength)} tokens`],
    [
      "KV",
      `${count(kvTokens)} tokens in ${count(engine.pageCount)} pages of ${engine.pageSize}, ${megabytes(kvMb)}`,
    ],
    ["running", `up to ${count(engine.maxRunningRequests)} requests at once`],
    ["ready", `in ${(startMs / 1000).toFixed(2)} s`],
    ["url", frontend.url],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(9)}${value}`);
  return `\ndyn is up\n\n${lines.join("\n")}\n\n${exampleCall(frontend.url, card.displayName)}\n`;
}

function exampleCall(url: string, model: string): string {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "What is 12 + 30?" }] });
  return `  curl ${url}/v1/chat/completions -H 'content-type: application/json' -d '${body}'\n`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function megabytes(value: number): string {
  return value >= 1000
    ? `${(value / 1000).toFixed(1)} GB`
    : `${value.toFixed(value < 10 ? 1 : 0)} MB`;
}
