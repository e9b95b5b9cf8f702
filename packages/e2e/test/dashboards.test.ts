// Every query of the dashboards, against the pages of a frontend and a worker that have answered requests.
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { complete, Deployment, untilListed } from "../src/deployment.ts";
import { readSelectors } from "../src/promql.ts";
import { fetchMetrics, untilMetric } from "../src/read-metrics.ts";

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly definition?: string;
    }[];
  };
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly gridPos: {
      readonly x: number;
      readonly y: number;
      readonly w: number;
      readonly h: number;
    };
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const folder = new URL("../../../docs/deploy/grafana/", import.meta.url);
const dashboards = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Dashboard);

/** Prometheus puts them on everything that it scrapes. */
const scrapeLabels = ["instance", "job"];

describe("dashboards", () => {
  let deployment: Deployment;
  /** Label names by metric; histograms under their series' names. */
  const labelsOf = new Map<string, Set<string>>();

  beforeAll(async () => {
    deployment = new Deployment({ DYN_SYSTEM_PORT: "0" });
    const frontend = await deployment.startFrontend(["--router-mode", "kv"]);
    const url = frontend.ready;
    const worker = await deployment.startWorker([
      "--kv-events-config",
      '{"publisher":"zmq","endpoint":"tcp://127.0.0.1:*"}',
    ]);
    await untilListed(url, "tiny");
    await complete(url, "What is 12 + 30? ".repeat(20), 8);
    await complete(url, "What is 12 + 30? ".repeat(20), 8);
    // Failures have series once there is one: of the frontend's making, and of a worker's.
    await complete(url, "x".repeat(20_000), 8);
    await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "tiny",
        prompt: "a",
        max_tokens: 4,
        guided_grammar: "root ::= (",
      }),
    });
    const pages = () => Promise.all([url, worker.systemUrl!].map(fetchMetrics));
    await untilMetric(url, "dyn_router_index_blocks", (blocks) => blocks > 0);
    for (const page of await pages()) readLabels(page, labelsOf);
  });
  afterAll(() => deployment?.close());

  test("are three, each under a name of its own", () => {
    expect(dashboards.map(({ uid }) => uid).sort()).toEqual([
      "dyn-frontend",
      "dyn-kv-routing",
      "dyn-worker",
    ]);
  });

  test.for(dashboards)("$uid asks for what is there, by labels that are there", (dashboard) => {
    const queries = [
      ...dashboard.panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr)),
      ...dashboard.templating.list.flatMap(({ definition }) => definition ?? []),
    ];
    expect(queries.length).toBeGreaterThan(15);
    for (const query of queries) {
      const { metrics, grouping } = readSelectors(query);
      expect(metrics.length, query).toBeGreaterThan(0);
      for (const { name, labels } of metrics) {
        const known = labelsOf.get(name);
        expect(known, `${name} of ${query}`).toBeDefined();
        for (const label of [...labels, ...grouping]) {
          expect([...known!, ...scrapeLabels], `${name}: ${query}`).toContain(label);
        }
      }
    }
  });

  test.for(dashboards)("$uid names in its legends only what its queries keep", (dashboard) => {
    for (const { targets = [] } of dashboard.panels) {
      for (const { expr, legendFormat } of targets) {
        const { metrics, grouping } = readSelectors(expr);
        const isSum = /\b(sum|avg|max|min)\b/.test(expr);
        const kept = isSum ? grouping : [...labelsOf.get(metrics[0]!.name)!, ...scrapeLabels];
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          expect(kept, `${legendFormat}: ${expr}`).toContain(label);
        }
      }
    }
  });

  test.for(dashboards)(
    "$uid uses only variables that it declares, and no place twice",
    (dashboard) => {
      const declared = new Set(dashboard.templating.list.map(({ name }) => name));
      const used = JSON.stringify(dashboard.panels).matchAll(/\$\{?(\w+)/g);
      for (const [, name] of used) {
        if (!name!.startsWith("__")) expect([...declared]).toContain(name);
      }
      expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
      const places = dashboard.panels.map(({ gridPos: { x, y } }) => `${x},${y}`);
      expect(new Set(places).size).toBe(places.length);
      for (const { gridPos } of dashboard.panels)
        expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    },
  );
});

function readLabels(page: string, labelsOf: Map<string, Set<string>>): void {
  for (const line of page.split("\n")) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null && type[2] !== "histogram" && !labelsOf.has(type[1]!)) {
      labelsOf.set(type[1]!, new Set());
    }
    const series = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line);
    if (series === null) continue;
    const labels = labelsOf.get(series[1]!) ?? new Set<string>();
    for (const [, label] of (series[2] ?? "").matchAll(/(\w+)="/g)) labels.add(label!);
    labelsOf.set(series[1]!, labels);
  }
}
