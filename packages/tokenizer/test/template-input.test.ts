import { createChatTemplate } from "@dyn/tokenizer";
import { expect, test } from "vitest";

const show = createChatTemplate("{{ messages | tojson }}");
const call = (args: unknown) => ({
  role: "assistant",
  content: "",
  tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: args } }],
});

test("text parts are joined by a newline for a template that reads content as text", () => {
  const content = [
    { type: "text", text: "a" },
    { type: "text", text: "b" },
  ];
  const messages = [{ role: "user", content }];
  expect(createChatTemplate("{{ messages[0].content }}").render({ messages })).toBe("a\nb");
  const loops = createChatTemplate(
    "{% for m in messages %}{% for part in m['content'] %}[{{ part.text }}]{% endfor %}{% endfor %}",
  );
  expect(loops.render({ messages })).toBe("[a][b]");
  expect(messages[0]?.content).toBe(content);
});

test("a part that is not text is refused by name when the template reads text only", () => {
  const messages = [
    { role: "system", content: "x" },
    { role: "user", content: [{ type: "text", text: "a" }, { type: "image_url" }] },
  ];
  expect(() => show.render({ messages })).toThrow(
    expect.objectContaining({
      status: 400,
      param: "messages[1].content[1]",
      message: expect.stringContaining('of type "image_url"'),
    }),
  );
});

test("arguments sent as JSON text become an object, with the order of their keys", () => {
  const messages = [call('{"b":1,"a":"é"}')];
  expect(show.render({ messages })).toContain('"arguments": {"b": 1, "a": "é"}');
  expect(messages[0]?.tool_calls[0]?.function.arguments).toBe('{"b":1,"a":"é"}');
});

test("arguments stay text for a template that asks whether they are", () => {
  const template = createChatTemplate(
    "{% set c = messages[0].tool_calls[0].function %}{% if c.arguments is string %}{{ c.arguments }}{% else %}{{ c.arguments | tojson }}{% endif %}",
  );
  expect(template.render({ messages: [call('{"b":1}')] })).toBe('{"b":1}');
  expect(template.render({ messages: [call({ b: 1 })] })).toBe('{"b": 1}');
});

test.each(["not json", "[1]", "", '"x"'])("arguments %j are no object and stay text", (text) => {
  expect(show.render({ messages: [call(text)] })).toContain(`"arguments": ${JSON.stringify(text)}`);
});

test("tool_use is taken when there are tools", () => {
  const template = createChatTemplate({ default: "plain", tool_use: "tools" });
  expect(template.render({ messages: [] })).toBe("plain");
  expect(template.render({ messages: [], tools: [] })).toBe("plain");
  expect(template.render({ messages: [], tools: [{}] })).toBe("tools");
});

test("tools and documents that are absent are None, as in transformers", () => {
  const template = createChatTemplate(
    "{{ tools }} {{ documents }} {{ tools is defined }} {{ add_generation_prompt }}",
  );
  expect(template.render({ messages: [] })).toBe("None None True True");
});

test("variables win over everything", () => {
  const template = createChatTemplate(
    "{{ bos_token }} {{ add_generation_prompt }} {{ enable_thinking }}",
    {
      bosToken: "<s>",
    },
  );
  const variables = { bos_token: "B", add_generation_prompt: 0, enable_thinking: false };
  expect(template.render({ messages: [], variables })).toBe("B 0 False");
});

test.each([
  ["keeps", "{% for m in messages %}<{{ m.content }}>{% endfor %}", "say  ", "<x><say  "],
  ["trims", "{% for m in messages %}<{{ m.content | trim }}>{% endfor %}", "say  ", "<x><say"],
])(
  "continueFinalMessage cuts behind the last message when the template %s",
  (_, source, content, expected) => {
    const messages = [
      { role: "user", content: "x" },
      { role: "assistant", content },
    ];
    const template = createChatTemplate(source);
    expect(template.render({ messages, continueFinalMessage: true })).toBe(expected);
  },
);

test("continueFinalMessage goes on with the last text part", () => {
  const template = createChatTemplate(
    "{% for m in messages %}{% for p in m.content %}{{ p.text }};{% endfor %}{% endfor %}end",
  );
  const content = [{ type: "text", text: "a" }, { type: "image" }];
  expect(template.render({ messages: [{ content }], continueFinalMessage: true })).toBe("a");
});

test("continueFinalMessage refuses what cannot be continued", () => {
  const template = createChatTemplate("{{ messages[0].content }}");
  const refuse = (input: Parameters<typeof template.render>[0]) =>
    expect(() => template.render({ continueFinalMessage: true, ...input }));
  refuse({ messages: [] }).toThrow(/at least one message/);
  refuse({ messages: [{ content: null }] }).toThrow(/no text to continue/);
  refuse({ messages: [{ content: "a" }, { content: "b" }] }).toThrow(/does not appear/);
  refuse({ messages: [{ content: "a" }], addGenerationPrompt: true }).toThrow(
    /exclude one another/,
  );
});

test("an exception of the template is the caller's error, in its own words", () => {
  const template = createChatTemplate(
    "{{ raise_exception('Roles must alternate: ' ~ messages | length) }}",
  );
  expect(() => template.render({ messages: [{}] })).toThrow(
    expect.objectContaining({ message: "Roles must alternate: 1", status: 400 }),
  );
});

test("a template that cannot be read names its file and line", () => {
  expect(() => createChatTemplate("a\nb {% if x %}", { name: "chat_template.jinja" })).toThrow(
    /^chat_template\.jinja: is not a template that can be read: line 2: expected \{% elif or else or endif/,
  );
});

test("keys of messages that Object.prototype has too are not found by accident", () => {
  const template = createChatTemplate(
    "{{ messages[0].constructor }}{{ messages[0]['toString'] }}{{ messages[0].__proto__ }}|{{ 'valueOf' in messages[0] }}",
  );
  expect(template.render({ messages: [{}] })).toBe("|False");
});
