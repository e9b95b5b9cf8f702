// Decides whether a file is byte-level BPE of a form known here, and builds its encoder.
import { byteLetters } from "../bytes/byte-alphabet.ts";
import { type Component, isJsonObject, type TokenizerJson } from "../file/tokenizer-json.ts";
import type { EncodeText } from "../pipeline/encode-text.ts";
import type { IdList } from "../pipeline/id-list.ts";
import { onigurumaToRegExp, readPattern } from "../pipeline/pattern.ts";
import { isSplitBehavior, splitText } from "../pipeline/split.ts";
import { propertyToClass } from "../unicode/code-point-class.ts";
import { ByteLevelBpe } from "./byte-level-bpe.ts";
import { readMerges } from "./read-merges.ts";

const GPT2 = onigurumaToRegExp(
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
)!;

/** One pattern: sticky, and searching. */
interface Patterns {
  readonly here: RegExp;
  readonly ahead: RegExp;
}

type Step =
  | { readonly kind: "isolate"; readonly pattern: RegExp }
  | { readonly kind: "cut"; readonly cut: (text: string) => string[] };

/** null: the file needs something that this path does not know. */
export function createByteLevelEncoder(
  json: TokenizerJson,
  vocab: ReadonlyMap<string, number>,
  where: string,
): EncodeText | null {
  const { model } = json;
  const steps = readSteps(json.preTokenizer);
  if (model.type !== "BPE" || steps === null || !isPlainBpe(model)) return null;
  if (!byteLetters.every((letter) => vocab.has(letter))) return null;
  const bpe = new ByteLevelBpe({
    vocab,
    merges: readMerges(model, vocab, where),
    ignoreMerges: model.ignore_merges === true,
  });
  const [only] = steps;
  if (steps.length === 1 && only?.kind === "isolate") {
    const { pattern } = only;
    const patterns = { here: new RegExp(pattern, "vy"), ahead: new RegExp(pattern, "vg") };
    return (text, _start, out) => encodeIsolated(text, patterns, bpe, out);
  }
  const cuts = steps.map((step) =>
    step.kind === "cut" ? step.cut : (text: string) => splitText(text, step.pattern, "Isolated"),
  );
  return (text, _start, out) => {
    const pieces = cuts.reduce((parts, cut) => parts.flatMap((part) => cut(part)), [text]);
    for (const piece of pieces) bpe.encode(piece, 0, piece.length, out);
  };
}

/** No dropout, no affixes, no byte fallback: with a token for each byte nothing is ever unknown. */
function isPlainBpe(model: Component): boolean {
  return (
    !model.dropout &&
    !model.continuing_subword_prefix &&
    !model.end_of_word_suffix &&
    model.byte_fallback !== true
  );
}

/** The pieces of `text` go to the model as places in it: no match object, no string for each. */
function encodeIsolated(text: string, patterns: Patterns, bpe: ByteLevelBpe, out: IdList): void {
  const { here, ahead } = patterns;
  let done = 0;
  while (done < text.length) {
    here.lastIndex = done;
    let end = here.test(text) ? here.lastIndex : done;
    if (end === done) {
      ahead.lastIndex = done;
      end = ahead.exec(text)?.index ?? text.length;
    }
    bpe.encode(text, done, end, out);
    done = end;
  }
}

/** The last step must be ByteLevel: it is what makes the model see bytes. */
function readSteps(component: Component | null): Step[] | null {
  if (component === null) return null;
  const parts = component.type === "Sequence" ? component.pretokenizers : [component];
  if (!Array.isArray(parts)) return null;
  const steps: Step[] = [];
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (!isJsonObject(part) || (part.type === "ByteLevel") !== isLast) return null;
    const step = isLast ? readByteLevel(part as Component) : readStep(part as Component);
    if (step === null) return null;
    steps.push(...step);
  }
  return steps;
}

function readByteLevel(part: Component): Step[] {
  const steps: Step[] = [];
  if (part.add_prefix_space !== false) {
    steps.push({ kind: "cut", cut: (text) => [text.startsWith(" ") ? text : ` ${text}`] });
  }
  if (part.use_regex !== false) steps.push({ kind: "isolate", pattern: GPT2 });
  return steps;
}

function readStep(part: Component): Step[] | null {
  if (part.type === "Digits") {
    const digit = propertyToClass("N");
    const pattern = new RegExp(part.individual_digits === true ? digit : `${digit}+`, "gv");
    return [{ kind: "isolate", pattern }];
  }
  const pattern = part.type === "Split" ? readPattern(part.pattern) : null;
  const { behavior } = part;
  const invert = part.invert === true;
  if (pattern === null || !isSplitBehavior(behavior)) return null;
  if (behavior === "Isolated") return [{ kind: "isolate", pattern }];
  return [{ kind: "cut", cut: (text) => splitText(text, pattern, behavior, invert) }];
}
