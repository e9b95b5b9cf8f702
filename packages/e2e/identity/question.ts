// What is asked of both deployments: requests of every kind that may treat a prompt or an answer in its own way.
import type { Random } from "../src/random.ts";

export interface Question {
  /** One of `questionKinds`. */
  readonly kind: string;
  readonly path: "/v1/chat/completions" | "/v1/completions";
  readonly body: Readonly<Record<string, unknown>>;
}

export const modelName = "tiny";

const person = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 12 },
    age: { type: "integer", minimum: 0, maximum: 120 },
    tags: { type: "array", items: { enum: ["a", "b", "c"] }, maxItems: 3 },
  },
  required: ["name", "age", "tags"],
  additionalProperties: false,
};
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

type Draw = (count: number) => number;
type Kind = readonly [
  name: string,
  body: (draw: Draw) => Record<string, unknown> & { readonly prompt?: string },
];

const sums = (draw: Draw) => `What is ${draw(90)} + ${draw(90)}?`;
const boxes = (draw: Draw, count: number) =>
  `${Array.from({ length: count }, (_, i) => `Box ${i} holds ${draw(9_000)}`).join(". ")}. What does box ${draw(count)} hold?`;
const sampled = (draw: Draw) => ({ temperature: 1, seed: draw(1e9) });
const said = (content: string) => ({ messages: [{ role: "user", content }] });

const kinds: readonly Kind[] = [
  ["greedy", (draw) => ({ ...said(sums(draw)), temperature: 0 })],
  ["greedy, long prompt", (draw) => ({ ...said(boxes(draw, 30 + draw(60))), temperature: 0 })],
  ["seeded", (draw) => ({ ...said("Tell me something."), ...sampled(draw) })],
  [
    "seeded, long prompt, n = 2",
    (draw) => ({ ...said(boxes(draw, 20 + draw(60))), ...sampled(draw), n: 2 }),
  ],
  ["greedy, n = 2", (draw) => ({ ...said(sums(draw)), temperature: 0, n: 2 })],
  [
    "JSON Schema, greedy",
    (draw) => ({
      ...said(`Write a JSON object of a person, number ${draw(1_000)}.`),
      temperature: 0,
      response_format: { type: "json_schema", json_schema: { name: "person", schema: person } },
    }),
  ],
  [
    "JSON Schema, seeded, n = 2",
    (draw) => ({
      ...said(`A person, number ${draw(1_000)}.`),
      ...sampled(draw),
      n: 2,
      response_format: { type: "json_schema", json_schema: { name: "person", schema: person } },
    }),
  ],
  [
    "regular expression, seeded",
    (draw) => ({ ...said(sums(draw)), ...sampled(draw), guided_regex: "[a-f]{3}-[0-9]{2,6}" }),
  ],
  [
    "forced tool call",
    (draw) => ({
      ...said(`How is the weather in city ${draw(500)}?`),
      temperature: 0,
      tools: [weather],
      tool_choice: "required",
    }),
  ],
  [
    "text, seeded, penalties and a stop string",
    (draw) => ({
      prompt: `Once upon a time, ${draw(10_000)} years ago,`,
      ...sampled(draw),
      frequency_penalty: 0.4,
      presence_penalty: 0.2,
      stop: ["7", " the"],
    }),
  ],
];

export const questionKinds = kinds.map(([name]) => name);

/** So many questions, of every kind alike; tokens and log-probabilities are asked for with all of them. */
export function createQuestions(count: number, random: Random): Question[] {
  const draw = (below: number) => Math.floor(random() * below);
  return Array.from({ length: count }, (_, index) => {
    const [kind, create] = kinds[index % kinds.length]!;
    const wanted = create(draw);
    const isText = wanted.prompt !== undefined;
    const body = {
      model: modelName,
      max_tokens: 16 + draw(48),
      ...(isText ? { logprobs: 0 } : { logprobs: true }),
      ...wanted,
    };
    return { kind, path: isText ? "/v1/completions" : "/v1/chat/completions", body };
  });
}
