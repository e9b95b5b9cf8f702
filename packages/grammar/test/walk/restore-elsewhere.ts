// Another process: takes a saved matcher from stdin and says which tokens it allows.
import { readFileSync } from "node:fs";
import { jsonSpec, loadVocabulary } from "./compile-here.ts";
import { allowedTokens } from "./random-walk.ts";

const { schema, state, endTokenId } = JSON.parse(readFileSync(0, "utf8")) as {
  schema: unknown;
  state: string;
  endTokenId: number;
};
const { compile, tokenizer } = await loadVocabulary();
const matcher = compile(jsonSpec(schema)).restoreMatcher(state, { endTokenIds: [endTokenId] });
const mask = new Int32Array(Math.ceil(tokenizer.vocabSize / 32));
matcher.fillMask(mask);
process.stdout.write(JSON.stringify(allowedTokens(mask)));
