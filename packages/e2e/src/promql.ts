// What a PromQL query reads: enough of the language for dashboards.

export interface Selector {
  readonly name: string;
  /** Of its matchers. */
  readonly labels: readonly string[];
}

const words = new Set([
  ...["sum", "avg", "max", "min", "count", "rate", "increase", "histogram_quantile"],
  ...["clamp_min", "label_values", "by"],
]);

/** Every word that is no known function is taken for a metric. */
export function readSelectors(query: string): {
  readonly metrics: readonly Selector[];
  /** Labels of `by (...)`, and the one that `label_values` asks for. */
  readonly grouping: readonly string[];
} {
  const grouping: string[] = [];
  const keep = (labels: string) => {
    grouping.push(...labels.split(",").map((label) => label.trim()));
    return "";
  };
  const rest = query
    .replace(/\bby\s*\(([^)]*)\)/g, (_, labels: string) => keep(labels))
    .replace(/^(label_values\(.*), *(\w+)\)$/, (_, call: string, label: string) => {
      keep(label);
      return call;
    })
    .replace(/\[[^\]]*\]/g, "");
  const metrics: Selector[] = [];
  for (const [, name, matchers = ""] of rest.matchAll(/([a-zA-Z_:][\w:]*)(\{[^}]*\})?/g)) {
    if (words.has(name!)) continue;
    metrics.push({
      name: name!,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label]) => label!),
    });
  }
  return { metrics, grouping };
}
