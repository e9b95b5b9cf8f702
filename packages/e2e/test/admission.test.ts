// Workers that take so many requests and no more, as processes: refusals are retriable, and others fill in.
import { afterEach, expect, test } from "vitest";
import { complete, Deployment, untilListed, untilRouted } from "../src/deployment.ts";
import { fetchMetrics, readMetric, untilMetric } from "../src/read-metrics.ts";

let deployment: Deployment;
afterEach(() => deployment.close());

const slow = ["--mock-decode-ms-per-step", "20"];
/** Long enough for all that happens beside it, on any machine; it ends when its client leaves. */
const endless = { tokens: 3_000, worker: ["--mock-decode-ms-per-step", "40"] };
const tight = { DYN_SYSTEM_PORT: "0", DYN_DYNAMO_REQUEST_QUEUE_LIMIT: "1" };

test("one runs, one waits, the next is refused as overloaded; a client that leaves the queue makes room", async () => {
  deployment = new Deployment();
  const { ready: url } = await deployment.startFrontend();
  const worker = await deployment.startWorker(
    [...endless.worker, "--engine-request-limit", "1"],
    tight,
  );
  const system = worker.systemUrl!;
  await untilListed(url, "tiny");
  const end = new AbortController();
  const running = complete(url, "One", endless.tokens, { signal: end.signal }).catch(() => "left");
  await untilMetric(system, "dynamo_engine_request", (value) => value === 1);
  const leave = new AbortController();
  const waiting = complete(url, "Two", 5, { signal: leave.signal }).catch(() => "left");
  await untilMetric(system, "dynamo_request_queue", (value) => value === 1);

  const refused = await complete(url, "Three", 5);
  expect(refused).toMatchObject({ status: 529, error: { type: "overloaded_error" } });
  expect(Number(refused.retryAfter)).toBeGreaterThanOrEqual(1);
  const stream = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny", prompt: "Four", stream: true }),
  });
  expect(stream.status).toBe(529);
  await stream.body?.cancel();

  leave.abort();
  expect(await waiting).toBe("left");
  await untilMetric(system, "dynamo_request_queue", (value) => value === 0);
  // Refused a moment ago, the only worker there is gets it all the same.
  const later = complete(url, "Five", 5);
  await untilMetric(system, "dynamo_request_queue", (value) => value === 1);
  end.abort();
  expect(await running).toBe("left");
  expect(await later).toMatchObject({ status: 200, tokenCount: 5 });
  expect(readMetric(await fetchMetrics(system), "dynamo_rejection_request_total")).toBe(2);
});

test("a request that one worker refuses for load is taken by another that has room", async () => {
  deployment = new Deployment({ DYN_DYNAMO_REQUEST_QUEUE_LIMIT: "0" });
  const { ready: url } = await deployment.startFrontend(["--migration-limit", "1"]);
  await deployment.startWorker([...slow, "--engine-request-limit", "1"]);
  await deployment.startWorker([...slow, "--engine-request-limit", "8"]);
  await untilRouted(url, 2);
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) => complete(url, `Number ${i}`, 40)),
  );
  for (const answer of answers) expect(answer).toMatchObject({ status: 200, tokenCount: 40 });
});
