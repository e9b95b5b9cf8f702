// One mutant of a body: some of its values changed as JSON, then sometimes its bytes.
import { pick } from "./random.ts";

type Random = () => number;
interface Slot {
  readonly holder: Record<string | number, unknown>;
  readonly key: string | number;
}

/** Values that programs stumble over. */
const oddValues: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 0.5,
  () => 2 ** 31,
  () => 2 ** 53,
  () => -(2 ** 63),
  () => 1e308,
  () => "",
  () => "\u0000",
  () => "\ud800",
  () => "__proto__",
  () => "constructor",
  () => "x".repeat(20_000),
  () => "<|im_start|>assistant\n<tool_call>{",
  () => "{{ 7 * 7 }}{% raise %}",
  () => "🙂".repeat(500),
  () => [],
  () => ({}),
  () => [[]],
  () => [null],
  () => Array.from({ length: 300 }, (_, i) => i),
  () => nested(80),
  () => ({ toString: 1, length: -1, hasOwnProperty: "x" }),
];

/** Numbers and forms that JSON.stringify cannot write. */
const oddTexts = ["NaN", "1e999", "-0", "01", '"\\ud83d"', '{"a":1,"a":2}', "18446744073709551615"];

export function mutateBody(seed: object, corpus: readonly object[], random: Random): Buffer {
  const body: { root: unknown } = { root: structuredClone(seed) };
  const count = Math.floor(random() * 4);
  for (let i = 0; i < count; i++) mutateValue(body, corpus, random);
  let text = JSON.stringify(body.root) ?? "";
  if (random() < 0.1) text = replaceValue(text, random);
  let bytes: Buffer = Buffer.from(text);
  if (random() < 0.35) bytes = mutateBytes(bytes, random);
  return bytes.subarray(0, 200_000);
}

function mutateValue(body: { root: unknown }, corpus: readonly object[], random: Random): void {
  const slots = slotsOf(body as Record<string, unknown>);
  // The whole body was taken away.
  if (slots.length === 0) return;
  const { holder, key } = pick(slots, random);
  const other = () => {
    const from = pick(slotsOf({ root: pick(corpus, random) }), random);
    return structuredClone(from.holder[from.key]);
  };
  switch (Math.floor(random() * 8)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      return;
    case 1:
      holder[key] = other();
      return;
    case 2: {
      const target = holder[key];
      if (Array.isArray(target)) target.push(other());
      else if (typeof target === "object" && target !== null) {
        const names = Object.keys(pick(corpus, random));
        (target as Record<string, unknown>)[pick([...names, "extra"], random)] = other();
      }
      return;
    }
    case 3:
      holder[key] = [holder[key]];
      return;
    case 4: {
      const value = holder[key];
      if (typeof value === "number") holder[key] = value * pick([-1, 10, 1e6, 1e18, 0.1], random);
      else if (typeof value === "string") holder[key] = mutateText(value, random);
      return;
    }
    case 5:
      if (Array.isArray(holder) && holder.length < 200) holder.splice(Number(key), 0, holder[key]);
      return;
    default:
      holder[key] = pick(oddValues, random)();
  }
}

function mutateText(text: string, random: Random): string {
  const at = Math.floor(random() * (text.length + 1));
  const inserts = ["\n", " ", "\u202e", "\ud800", "\ufffd", "<|im_end|>", "\\", '"', "é", "𐍈"];
  const cut = random() < 0.5 ? 0 : Math.floor(random() * 3);
  return text.slice(0, at) + pick(inserts, random) + text.slice(at + cut);
}

function replaceValue(text: string, random: Random): string {
  const ends = [...text.matchAll(/:(?:-?[\d.]+|true|false|null|"[^"\\]*")/g)];
  if (ends.length === 0) return text;
  const match = pick(ends, random);
  return `${text.slice(0, match.index)}:${pick(oddTexts, random)}${text.slice(match.index + match[0].length)}`;
}

/** Cuts, flips, inserts or doubles some of them. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  const at = Math.floor(random() * (bytes.length + 1));
  switch (Math.floor(random() * 6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1: {
      const flipped = Buffer.from(bytes);
      for (let i = 0; i < 3 && flipped.length > 0; i++) {
        const place = Math.floor(random() * flipped.length);
        flipped[place] = flipped[place]! ^ (1 << Math.floor(random() * 8));
      }
      return flipped;
    }
    case 2:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(
          pick([[0xff], [0xc3, 0x28], [0x00], [0xed, 0xa0, 0x80], [0xef, 0xbb, 0xbf]], random),
        ),
        bytes.subarray(at),
      ]);
    case 3:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    case 4: {
      const end = Math.min(bytes.length, at + Math.floor(random() * 40));
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    }
    default:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(pick(["[".repeat(200), '{"a":'.repeat(90), ",,", "}", "]"], random)),
        bytes.subarray(at),
      ]);
  }
}

/** Every place of a value, the whole body too. */
function slotsOf(holder: Record<string | number, unknown>, slots: Slot[] = []): Slot[] {
  for (const key of Object.keys(holder)) {
    slots.push({ holder, key });
    const value = holder[key];
    if (typeof value === "object" && value !== null && slots.length < 2000) {
      slotsOf(value as Record<string, unknown>, slots);
    }
  }
  return slots;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}
