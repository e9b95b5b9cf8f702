// Asks this package and the native library the same questions and returns where they differ.
import { createTokenizer } from "@dyn/tokenizer";
import { Tokenizer as NativeTokenizer } from "tokenizers";
import { createRandom, createTextGenerator } from "./generate-text.ts";

export interface Difference {
  readonly what: string;
  readonly input: string;
  readonly ours: string;
  readonly native: string;
}

/** At most `limit` differences over `count` texts, and over as many random id sequences. */
export async function findDifferences(
  file: unknown,
  options: { seed: number; count: number; limit?: number },
): Promise<Difference[]> {
  const { seed, count, limit = 5 } = options;
  const ours = createTokenizer(file);
  const native = NativeTokenizer.fromString(JSON.stringify(file));
  const added = (file as { added_tokens: { content: string }[] }).added_tokens;
  const generate = createTextGenerator(
    seed,
    added.map((token) => token.content),
  );
  const random = createRandom(seed + 1);
  const differences: Difference[] = [];
  const check = (what: string, input: unknown, mine: unknown, theirs: unknown): void => {
    const [a, b] = [JSON.stringify(mine), JSON.stringify(theirs)];
    if (a !== b) differences.push({ what, input: JSON.stringify(input), ours: a, native: b });
  };
  for (let done = 0; done < count && differences.length < limit; done += 1000) {
    const texts = Array.from({ length: Math.min(1000, count - done) }, generate);
    const addSpecialTokens = done % 2000 === 0;
    const encodings = await native.encodeBatch(texts, { addSpecialTokens });
    const idLists = encodings.map((encoding) => encoding.getIds());
    for (const [i, ids] of idLists.entries()) {
      check("ids", texts[i], [...ours.encode(texts[i]!, { addSpecialTokens })], ids);
    }
    const randomIds = texts.map(() =>
      Array.from({ length: Math.floor(random() * 12) }, () =>
        Math.floor(random() * (ours.vocabSize + 3)),
      ),
    );
    for (const lists of [idLists, randomIds]) {
      for (const skipSpecialTokens of [true, false]) {
        const decoded = await native.decodeBatch(lists, skipSpecialTokens);
        for (const [i, ids] of lists.entries()) {
          check("text", ids, ours.decode(ids, { skipSpecialTokens }), decoded[i]);
        }
      }
    }
    for (const ids of [...idLists, ...randomIds]) {
      const decoder = ours.createDecoder();
      let text = "";
      for (let at = 0; at < ids.length; ) {
        const end = at + 1 + Math.floor(random() * 3);
        text += decoder.push(ids.slice(at, end));
        at = end;
      }
      check("pieces", ids, text + decoder.flush(), ours.decode(ids));
    }
  }
  return differences.slice(0, limit);
}
