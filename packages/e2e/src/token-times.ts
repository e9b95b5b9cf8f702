import { postCompletion } from "./deployment.ts";

/** A streamed completion of `tiny`: the wall-clock milliseconds of each token's coming, and its text. Throws what the answer ends by. */
export async function* tokenTimes(
  url: string,
  prompt: string,
  maxTokens: number,
): AsyncGenerator<{ readonly atMs: number; readonly text: string }> {
  const response = await postCompletion(url, prompt, maxTokens, {}, { stream: true });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body!) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (line.includes('"error":{')) throw new Error(line);
      const text = line.startsWith("data: {") ? textOf(line) : null;
      if (text !== null) yield { atMs: Date.now(), text };
    }
  }
}

function textOf(line: string): string | null {
  const { choices } = JSON.parse(line.slice("data: ".length)) as {
    readonly choices: readonly { readonly text: string }[];
  };
  return choices[0]?.text ?? null;
}
