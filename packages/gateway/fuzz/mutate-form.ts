// One mutant of a form: its parts changed, or what stands around them, then sometimes its bytes.
import { mutateBytes } from "./mutate-body.ts";
import { pick } from "./random.ts";
import type { FormPart } from "./seed-forms.ts";

type Random = () => number;

export interface FormBody {
  readonly type: string;
  readonly bytes: Buffer;
}

interface LoosePart {
  head: string;
  value: Buffer;
}

const boundary = "----fuzz7MA4YWxkTrZu0gW";

const oddNames = [
  "",
  "a[",
  "a]b",
  "[]",
  "[a]",
  "a[][b]",
  "a[b][c][d][e]",
  "__proto__",
  "__proto__[polluted]",
  "constructor[prototype][x]",
  "prompt[x]",
  "model[]",
  "x".repeat(200),
  "\u0000",
  "\ud83d\ude42",
  'a"b',
  "a\\",
];
const oddValues = [
  "",
  "null",
  "true",
  "-1",
  "1e999",
  "NaN",
  "0x10",
  "01",
  "{",
  "[]",
  "{}",
  '{"a":'.repeat(80),
  "x".repeat(20_000),
  "x".repeat(1_100_000),
  "\u0000",
  "--",
  `--${boundary}`,
  `\r\n--${boundary}--\r\n`,
  "data:image/png;base64,!!!!",
  "file:///etc/passwd",
];
const oddHeads = [
  "",
  "content-disposition: form-data",
  'content-disposition: attachment; name="image"',
  "content-disposition: form-data; name*=UTF-8''%ff%00; filename*=UTF-8''%2e%2e%2f",
  'content-disposition: form-data; name="image"; filename="../../a"\r\ncontent-type: ,;,',
  'content-disposition: form-data; name="prompt"\r\ncontent-transfer-encoding: base64',
  'content-disposition: form-data; name="prompt"\r\ncontent-type: text/plain; charset=utf-16',
  'content-disposition: form-data; name="a"\r\n x: folded',
  Array.from({ length: 40 }, (_, i) => `x-${i}: y`).join("\r\n"),
  `x: ${"y".repeat(100_000)}`,
];
const oddTypes = [
  "multipart/form-data",
  "multipart/form-data; boundary=",
  `multipart/form-data; boundary="${boundary}"`,
  `multipart/form-data; boundary=${"b".repeat(300)}`,
  `multipart/form-data; boundary=${boundary}; boundary=other`,
  `multipart/form-data; charset=utf-16; boundary=${boundary}`,
  `multipart/mixed; boundary=${boundary}`,
  `MULTIPART/FORM-DATA; BOUNDARY=${boundary}`,
  `multipart/form-data; boundary*=UTF-8''${boundary}`,
  "multipart/form-data; boundary=-",
  "application/x-www-form-urlencoded",
  "application/json",
];

export function mutateForm(
  seed: readonly FormPart[],
  corpus: readonly (readonly FormPart[])[],
  random: Random,
): FormBody {
  const parts = seed.map(toLoosePart);
  const count = Math.floor(random() * 4);
  for (let i = 0; i < count; i++) mutateParts(parts, corpus, random);
  let bytes = encode(parts);
  if (random() < 0.3) bytes = mutateBytes(bytes, random);
  const type =
    random() < 0.1 ? pick(oddTypes, random) : `multipart/form-data; boundary=${boundary}`;
  return { type, bytes };
}

function mutateParts(
  parts: LoosePart[],
  corpus: readonly (readonly FormPart[])[],
  random: Random,
): void {
  const at = Math.floor(random() * (parts.length + 1));
  const part = parts[at];
  const other = () => toLoosePart(pick(pick(corpus, random), random));
  if (part === undefined) {
    parts.push(other());
    return;
  }
  switch (Math.floor(random() * 9)) {
    case 0:
      parts.splice(at, 1);
      return;
    case 1:
      parts.splice(at, 0, { ...part });
      return;
    case 2:
      parts.splice(at, 0, other());
      return;
    case 3:
      parts[at] = toLoosePart({ name: pick(oddNames, random), value: part.value });
      return;
    case 4:
      part.head = pick(oddHeads, random);
      return;
    case 5:
      // A field becomes a file, a file a field.
      part.head = part.head.includes("filename=")
        ? part.head.replace(/; filename="[^"]*"/, "")
        : part.head.replace(/$/m, '; filename="f"');
      return;
    case 6:
      part.value = other().value;
      return;
    case 7:
      while (parts.length < 70) parts.push({ ...part });
      return;
    default:
      part.value = Buffer.from(pick(oddValues, random));
  }
}

function toLoosePart({ name, value, fileName, type }: FormPart): LoosePart {
  const file = fileName === undefined ? "" : `; filename="${fileName}"`;
  const typed = type === undefined ? "" : `\r\ncontent-type: ${type}`;
  return {
    head: `content-disposition: form-data; name="${name}"${file}${typed}`,
    value: Buffer.from(value),
  };
}

function encode(parts: readonly LoosePart[]): Buffer {
  return Buffer.concat([
    ...parts.flatMap(({ head, value }) => [
      Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`),
      value,
      Buffer.from("\r\n"),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
}
