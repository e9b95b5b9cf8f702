const units: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** `4096`, `4k` = 4000, `4Ki` = 4096, `1.5k` = 1500; letters' case matters. Undefined if it is none. */
export function parseHumanInteger(text: string): number | undefined {
  const match = /^([+-]?\d+(?:\.\d+)?)(|[kMGT]|[KMGT]i)$/.exec(text);
  if (match === null) return undefined;
  const value = Number(match[1]) * (units[match[2]!] ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : undefined;
}
