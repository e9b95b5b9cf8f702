// A Prometheus page by its families: what a dashboard can ask it for.
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  /** Of all its series, without `le`. */
  readonly labels: readonly string[];
  /** Of a histogram, without +Inf. */
  readonly bounds?: readonly number[];
}

export interface ShownFamily extends MetricFamily {
  readonly bounds: readonly number[];
  readonly hasSeries: boolean;
}

export function readFamilies(page: string): ReadonlyMap<string, ShownFamily> {
  const families = new Map<
    string,
    { name: string; type: string; labels: string[]; bounds: number[]; hasSeries: boolean }
  >();
  for (const line of page.split("\n")) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) {
      families.set(name, { name, type: type!, labels: [], bounds: [], hasSeries: false });
    }
    const series = /^([\w:]+)(?:\{(.*)\})? \S+$/.exec(line);
    if (series === null) continue;
    const family =
      families.get(series[1]!) ?? families.get(series[1]!.replace(/_(bucket|sum|count)$/, ""));
    if (family === undefined) continue;
    family.hasSeries = true;
    for (const [, label, value] of (series[2] ?? "").matchAll(/(\w+)="([^"]*)"/g)) {
      if (label !== "le") {
        if (!family.labels.includes(label!)) family.labels.push(label!);
      } else if (value !== "+Inf" && !family.bounds.includes(Number(value))) {
        family.bounds.push(Number(value));
      }
    }
  }
  return families;
}
