// TTFT by rate as a small SVG: one line for each mode, the times logarithmic.

export interface PlotLine {
  readonly name: string;
  /** [x, milliseconds], by x. */
  readonly points: readonly (readonly [number, number])[];
}

const width = 640;
const height = 360;
const [left, right, top, bottom] = [56, 150, 34, 40];
/** After Okabe and Ito, whose colours everybody tells apart. */
const colours = [
  "#0072b2",
  "#56b4e9",
  "#009e73",
  "#999999",
  "#e69f00",
  "#cc79a7",
  "#d55e00",
  "#000000",
];

export function ttftPlot(title: string, lines: readonly PlotLine[]): string {
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const ys = lines.flatMap(({ points }) => points.map(([, y]) => y));
  const maxX = Math.max(...xs);
  const low = Math.floor(Math.log10(Math.min(...ys)));
  const high = Math.ceil(Math.log10(Math.max(...ys)));
  const toX = (x: number) => left + (x / maxX) * (width - left - right);
  const toY = (ms: number) =>
    top + ((high - Math.log10(ms)) / (high - low)) * (height - top - bottom);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="18" font-size="13">${title}</text>`,
  ];
  for (let power = low; power <= high; power++) {
    const y = toY(10 ** power).toFixed(1);
    parts.push(
      `<path d="M${left} ${y}H${width - right}" stroke="#ddd"/>`,
      `<text x="${left - 6}" y="${y}" dy="4" text-anchor="end">${nameOf(10 ** power)}</text>`,
    );
  }
  for (const x of new Set(xs)) {
    parts.push(
      `<text x="${toX(x).toFixed(1)}" y="${height - bottom + 18}" text-anchor="middle">${x}</text>`,
    );
  }
  parts.push(
    `<text x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">requests/s</text>`,
  );
  // Names beside the ends of their lines, moved apart where they would cover each other.
  const ends = lines.map(({ points }, i) => ({ i, y: toY(points.at(-1)![1]) }));
  ends.sort((a, b) => a.y - b.y);
  for (const [at, end] of ends.entries()) {
    if (at > 0) end.y = Math.max(end.y, ends[at - 1]!.y + 14);
  }
  for (const { i, y } of ends) {
    const { name, points } = lines[i]!;
    const path = points.map(([x, ms]) => `${toX(x).toFixed(1)} ${toY(ms).toFixed(1)}`).join("L");
    const colour = colours[i % colours.length];
    parts.push(
      `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      `<text x="${width - right + 6}" y="${y.toFixed(1)}" dy="4" fill="${colour}">${name}</text>`,
    );
  }
  return `${parts.join("\n")}\n</svg>\n`;
}

function nameOf(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}
