import type { GenerateFacts, VectorFacts, WorkerReport } from "@dyn/worker";

export interface LaunchFacts {
  /** Of the frontends. */
  readonly urls: readonly string[];
  readonly workers: readonly (WorkerReport & { readonly name: string })[];
  /** Milliseconds from the start of this process until every model could be asked. */
  readonly startMs: number;
}

/** What a person wants to know when it is up, one fact per line. */
export function startReport({ urls, workers, startMs }: LaunchFacts): string {
  const rows: [string, string][] = workers.flatMap((worker) =>
    workers.length === 1
      ? describe(worker)
      : [
          ["", ""] as [string, string],
          ["process", worker.name] as [string, string],
          ...describe(worker),
        ],
  );
  rows.push(["ready", `in ${(startMs / 1000).toFixed(2)} s`]);
  for (const url of urls) rows.push(["url", url]);
  const lines = rows.map(([name, value]) => `  ${name.padEnd(9)}${value}`.trimEnd());
  const [url] = urls;
  const [worker] = workers;
  const example = url && worker ? `\n${exampleCall(url, worker)}\n` : "";
  return `\ndyn is up\n\n${lines.join("\n")}\n${example}`;
}

function describe(worker: WorkerReport): [string, string][] {
  return [
    ["model", `${worker.model} (${worker.architecture})`],
    ["engine", `${worker.engine}, ${worker.dtype}, ${megabytes(worker.weightMb)} of weights`],
    ["context", `${count(worker.contextLength)} tokens`],
    ...("vectorSize" in worker ? describeVectors(worker) : describeGeneration(worker)),
    ...(worker.system === undefined
      ? []
      : [["system", `${worker.system} (/health, /metrics of the worker)`] as [string, string]]),
  ];
}

/** What sets the worker apart from one that does everything by one engine. */
function roleRows({ role, bootstrap, dpSize }: GenerateFacts): [string, string][] {
  const meeting = bootstrap === undefined ? "" : `, hands over at ${bootstrap}`;
  return [
    ...(role === undefined ? [] : [["role", `${role}${meeting}`] as [string, string]]),
    ...(dpSize === undefined
      ? []
      : [["ranks", `${dpSize}, each with the above`] as [string, string]]),
  ];
}

function describeGeneration(worker: GenerateFacts): [string, string][] {
  const pages = worker.kvTokens / worker.pageSize;
  return [
    [
      "KV",
      `${count(worker.kvTokens)} tokens in ${count(pages)} pages of ${worker.pageSize}, ${megabytes(worker.kvMb)}`,
    ],
    ...roleRows(worker),
    ["running", `up to ${count(worker.maxRunningRequests)} requests at once`],
  ];
}

function describeVectors(worker: VectorFacts): [string, string][] {
  const batches = `batches of up to ${count(worker.maxBatchTokens)} tokens`;
  const isRerank = worker.serves === "rerank";
  return [
    [
      "serves",
      isRerank
        ? `scores, ${batches}`
        : `vectors of ${count(worker.vectorSize)} numbers, ${batches}`,
    ],
  ];
}

function exampleCall(url: string, worker: WorkerReport): string {
  const { model } = worker;
  const [path, body] = !("vectorSize" in worker)
    ? ["chat/completions", { model, messages: [{ role: "user", content: "What is 12 + 30?" }] }]
    : worker.serves === "rerank"
      ? ["rerank", { model, query: "Which pet has Ada?", documents: ["Ada has a cat.", "Tea"] }]
      : ["embeddings", { model, input: "What pet does Ada have?" }];
  return `  curl ${url}/v1/${path} -H 'content-type: application/json' -d '${JSON.stringify(body)}'\n`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function megabytes(value: number): string {
  return value >= 1000
    ? `${(value / 1000).toFixed(1)} GB`
    : `${value.toFixed(value < 10 ? 1 : 0)} MB`;
}
