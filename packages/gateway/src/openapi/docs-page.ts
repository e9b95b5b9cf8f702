/** Shows /openapi.json: each operation with its body's fields, and a form that sends one. */
export const docsPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dyn: API</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --soft: #8881; }
  body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
  h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
  details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; }
  summary { cursor: pointer; padding: .5rem .7rem; }
  summary b { font: 600 .8rem ui-monospace, monospace; display: inline-block; min-width: 3.2rem; }
  summary code { font-weight: 600; } summary span { opacity: .7; margin-left: .6rem; }
  .body { border-top: 1px solid var(--line); padding: .6rem .8rem; }
  table { border-collapse: collapse; width: 100%; font-size: .9rem; }
  td { border-top: 1px solid var(--line); padding: .2rem .5rem; vertical-align: top; }
  td:first-child { font-family: ui-monospace, monospace; white-space: nowrap; }
  textarea, input { box-sizing: border-box; width: 100%; font: .85rem ui-monospace, monospace; }
  textarea { height: 8rem; } button { margin: .4rem 0; padding: .3rem .9rem; }
  pre { background: var(--soft); max-height: 20rem; overflow: auto; padding: .6rem; white-space: pre-wrap; }
</style>
<h1>dyn: API</h1>
<p>The same as a document: <a href="/openapi.json">/openapi.json</a>. Key, if this server needs one:
<input id="key" type="password" autocomplete="off"></p>
<main>Loading ...</main>
<script type="module">
const make = (tag, text, ...children) => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
};
const spec = await (await fetch("/openapi.json")).json();
const resolve = (schema) =>
  schema?.$ref ? spec.components.schemas[schema.$ref.split("/").at(-1)] : schema;
const typeOf = (schema) => {
  if (!schema) return "";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return [...new Set(options.map(typeOf).filter((type) => type !== "null"))].join(" | ");
  if (schema.type === "array") return "list of " + (typeOf(schema.items) || "anything");
  return schema.type ?? "anything";
};
const rangeOf = (schema) => {
  const parts = (schema.anyOf ?? [schema]).flatMap((option) => [
    option.minimum === undefined ? [] : ["from " + option.minimum],
    option.exclusiveMinimum === undefined ? [] : ["above " + option.exclusiveMinimum],
    option.maximum === undefined ? [] : ["to " + option.maximum],
  ]).flat();
  return parts.join(" ");
};
const fields = (schema) => {
  const table = make("table");
  for (const [name, field] of Object.entries(schema?.properties ?? {})) {
    const isRequired = schema.required?.includes(name);
    table.append(make("tr", "", make("td", name + (isRequired ? " *" : "")),
      make("td", typeOf(field)), make("td", rangeOf(field))));
  }
  return table;
};
const answersWith = (name) => ([, item]) => JSON.stringify(item).includes("/" + name + '"');
const modelsPath = Object.entries(spec.paths).find(answersWith("ModelList"))[0];
const models = await fetch(modelsPath).then((answer) => answer.json()).catch(() => ({}));
const model = models.data?.[0]?.id ?? "MODEL";
const message = { role: "user", content: "What is 12 + 30?" };
const examples = {
  ChatCompletionRequest: { model, messages: [message], stream: true },
  CompletionRequest: { model, prompt: "Once", max_tokens: 16 },
  ResponsesRequest: { model, input: message.content },
  MessagesRequest: { model, max_tokens: 64, messages: [message] },
  CountTokensRequest: { model, messages: [message] },
  EmbeddingRequest: { model, input: message.content },
  RerankRequest: { model, query: message.content, documents: ["one", "another"] },
  ImageRequest: { model, prompt: "a lighthouse", size: "512x512" },
  ImageEditRequest: { model, prompt: "at night", input_reference: "lighthouse.png" },
  VideoRequest: { model, prompt: "waves", seconds: 2 },
  SglangGenerateRequest: { input_ids: [72, 73], sampling_params: { max_new_tokens: 8 }, stream: true },
  TokenizeRequest: { model, prompt: "Hello" },
  DetokenizeRequest: { model, tokens: [72, 73] },
};
const send = async (method, path, body, out) => {
  out.textContent = "...";
  const key = document.getElementById("key").value;
  const headers = { "content-type": "application/json", ...(key ? { authorization: "Bearer " + key } : {}) };
  try {
    const answer = await fetch(path, { method, headers, ...(method !== "GET" ? { body } : {}) });
    out.textContent = answer.status + " " + (answer.headers.get("content-type") ?? "") + "\\n\\n";
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) out.append(part.value);
  } catch (error) {
    out.textContent = String(error);
  }
};
const main = document.querySelector("main");
main.textContent = "";
const tags = [...new Set(Object.values(spec.paths).flatMap((item) => Object.values(item).flatMap(({ tags }) => tags)))];
for (const tag of tags) {
  main.append(make("h2", tag));
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const [verb, operation] of Object.entries(item)) {
      if (!operation.tags.includes(tag)) continue;
      const method = verb.toUpperCase();
      const request = operation.requestBody?.content["application/json"].schema;
      const body = make("div");
      body.className = "body";
      if (request) body.append(fields(resolve(request)));
      const target = make("input");
      target.value = path.replace(/\\{\\w+\\}/, model);
      const text = make("textarea");
      text.value = JSON.stringify(examples[request?.$ref?.split("/").at(-1)] ?? {}, null, 2);
      const button = make("button", "Send");
      const out = make("pre");
      button.onclick = () => send(method, target.value, text.value, out);
      body.append(target, ...(method !== "GET" ? [text] : []), button, out);
      main.append(make("details", "", make("summary", "", make("b", method), make("code", path),
        make("span", operation.summary)), body));
    }
  }
}
</script>
</html>
`;
