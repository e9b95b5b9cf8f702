// A plot as SVG, readable on light and dark pages: a few lines over a common axis, the vertical one logarithmic.

export interface PlotLine {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const colors = ["#d1495b", "#edae49", "#00798c", "#5f0f40"];
const [width, height] = [640, 360];
const [left, right, top, bottom] = [60, 20, 40, 70];

export function drawLines(plot: {
  readonly title: string;
  readonly xLabel: string;
  readonly lines: readonly PlotLine[];
}): string {
  const points = plot.lines.flatMap((line) => line.points);
  const xMax = Math.max(...points.map(({ x }) => x), 1);
  const decades = points.map(({ y }) => Math.log10(y));
  const low = Math.floor(Math.min(...decades));
  const high = Math.max(low + 1, Math.ceil(Math.max(...decades)));
  const xOf = (x: number) => left + (x / xMax) * (width - left - right);
  const yOf = (y: number) =>
    top + ((high - Math.log10(y)) / (high - low)) * (height - top - bottom);
  const text = (x: number, y: number, anchor: string, content: string) =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${content}</text>`;
  const grid = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)).map((value) => {
    const y = yOf(value).toFixed(1);
    const rule = `<line x1="${left}" x2="${width - right}" y1="${y}" y2="${y}" stroke="#8884"/>`;
    return `${rule}${text(left - 8, Number(y) + 4, "end", String(value))}`;
  });
  const ticks = [...new Set(points.map(({ x }) => x))].map((x) =>
    text(xOf(x), height - bottom + 18, "middle", String(x)),
  );
  const lines = plot.lines.map(({ name, points: own }, i) => {
    const color = colors[i % colors.length]!;
    const path = own.map(({ x, y }) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`).join(" ");
    const dots = own.map(
      ({ x, y }) =>
        `<circle cx="${xOf(x).toFixed(1)}" cy="${yOf(y).toFixed(1)}" r="3" fill="${color}"/>`,
    );
    const legendX = left + i * 195;
    const legend =
      `<rect x="${legendX}" y="${height - 24}" width="12" height="12" fill="${color}"/>` +
      text(legendX + 18, height - 14, "start", name);
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>${dots.join("")}${legend}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#888">`,
    `<title>${plot.title}</title>`,
    text(left, 22, "start", plot.title),
    ...grid,
    ...ticks,
    text((left + width - right) / 2, height - bottom + 36, "middle", plot.xLabel),
    ...lines,
    "</svg>\n",
  ].join("\n");
}
