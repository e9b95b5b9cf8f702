// 2 MB of what prompts are made of, from the packages that are installed anyway: Markdown, TypeScript,
// JavaScript, and a tenth of Chinese, Japanese, Russian and German.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "../test/exactness/generate-text.ts";

const FOREIGN = [
  "快速的棕色狐狸跳过懒狗。今天天气很好,我们去公园吧。人工智能模型的推理服务需要高效的分词器。\n",
  "素早い茶色の狐がのろまな犬を飛び越える。今日はいい天気ですね。トークナイザーは文章を分割します。\n",
  "Быстрая коричневая лиса перепрыгивает через ленивую собаку. Модель отвечает на вопросы пользователя.\n",
  "Der schnelle braune Fuchs springt über den faulen Hund. Größe, Übung und Straße sind häufige Wörter.\n",
];

export async function readCorpus(sizeChars: number): Promise<string> {
  const root = new URL("../../../node_modules/.pnpm", import.meta.url).pathname;
  const names = (await readdir(root, { recursive: true }))
    .filter((name) => /(?:README\.md|\.d\.ts|[a-z]\.js)$/.test(name) && !name.includes("min."))
    .sort();
  const random = createRandom(7);
  let text = "";
  while (text.length < sizeChars) {
    const name = names[Math.floor(random() * names.length)]!;
    const part = await readFile(join(root, name), "utf8").catch(() => "");
    text += part.slice(0, 20_000);
    text += FOREIGN[Math.floor(random() * FOREIGN.length)]!.repeat(Math.ceil(part.length / 4000));
  }
  return text.slice(0, sizeChars);
}

export function cutDocuments(corpus: string, sizeChars: number): string[] {
  const documents: string[] = [];
  for (let at = 0; at + sizeChars <= corpus.length; at += sizeChars) {
    documents.push(corpus.slice(at, at + sizeChars));
  }
  return documents;
}
