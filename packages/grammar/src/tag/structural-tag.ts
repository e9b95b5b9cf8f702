// xgrammar's structural tags: free text, in which tags open that have grammars of their own. Both spellings: `format`,
// and the older `structures` with `triggers`.
import { grammarFault, quote } from "../compile/grammar-fault.ts";
import { parseEbnf } from "../ebnf/parse-ebnf.ts";
import { parseRegex } from "../regex/parse-regex.ts";
import { isObject, type SchemaObject } from "../schema/schema-place.ts";
import { schemaToGrammar } from "../schema/schema-to-grammar.ts";
import { anyChar } from "../syntax/char-set.ts";
import { embedGrammar } from "../syntax/embed-grammar.ts";
import {
  chars,
  choice,
  empty,
  type Grammar,
  type Node,
  optional,
  repeat,
  rule,
  sequence,
  text,
} from "../syntax/node.ts";

const maxDepth = 64;
const formats =
  "const_string, json_schema, regex, grammar, any_text, sequence, or, tag, triggered_tags, tags_with_separator";

export function structuralTagToGrammar(tag: unknown): Grammar {
  const value = typeof tag === "string" ? parseJson(tag) : tag;
  if (!isObject(value)) throw grammarFault("structural_tag is not an object; give {type, format}.");
  const builder = new Builder();
  const format = Array.isArray(value.structures) ? olderForm(value) : (value.format ?? value);
  builder.rules.set("root", builder.lower(format, "structural_tag.format", null, 0));
  return { root: "root", rules: builder.rules };
}

interface Tag {
  readonly begin: string;
  /** From behind `begin` to behind the tag's end. */
  readonly rest: Node;
}

class Builder {
  readonly rules = new Map<string, Node>();

  /** `end`: the text that closes what the format stands in, part of the result; `null` = the end of everything. */
  lower(format: unknown, path: string, end: string | null, depth: number): Node {
    if (depth > maxDepth)
      throw grammarFault(`${path} is nested over ${maxDepth} deep; flatten it.`);
    if (!isObject(format)) return refuse(path, format, "an object with a type");
    const close = end === null ? empty : text(end);
    switch (format.type) {
      case "const_string":
        return sequence(text(string(format, "value", path)), close);
      case "json_schema":
        return sequence(embedGrammar(this.rules, schemaToGrammar(format.json_schema)), close);
      case "regex":
        return sequence(
          parseRegex(string(format, "pattern", path), {
            mode: "anchored",
            where: `${path}.pattern`,
          }),
          close,
        );
      case "grammar":
        return sequence(
          embedGrammar(this.rules, parseEbnf(string(format, "grammar", path))),
          close,
        );
      case "any_text":
        return end === null
          ? repeat(chars(anyChar), 0)
          : { type: "until", marks: [{ text: end, after: empty }], mayEnd: false };
      case "sequence":
        return this.#sequence(format, path, end, depth);
      case "or":
        return choice(
          ...list(format, "elements", path).map((element, i) =>
            this.lower(element, `${path}.elements[${i}]`, end, depth + 1),
          ),
        );
      case "tag": {
        const { begin, rest } = this.#tag(format, path, depth);
        return sequence(text(begin), rest, close);
      }
      case "triggered_tags":
        return this.#triggered(format, path, end, depth);
      case "tags_with_separator":
        return sequence(this.#separated(format, path, depth), close);
      default:
        throw grammarFault(
          `${path}.type is ${quote(format.type)}, which is not supported; use one of ${formats}.`,
        );
    }
  }

  #sequence(format: SchemaObject, path: string, end: string | null, depth: number): Node {
    const elements = list(format, "elements", path);
    return sequence(
      ...elements.map((element, i) => {
        const isLast = i === elements.length - 1;
        const at = `${path}.elements[${i}]`;
        const type = isObject(element) ? element.type : null;
        if (!isLast && (type === "any_text" || type === "triggered_tags")) {
          return refuse(at, type, "the last element, or within a tag, where its end can be told");
        }
        return this.lower(element, at, isLast ? end : null, depth + 1);
      }),
    );
  }

  #tag(format: unknown, path: string, depth: number): Tag {
    if (!isObject(format)) return refuse(path, format, "a tag: {begin, content, end}");
    const begin = string(format, "begin", path);
    const end = string(format, "end", path);
    if (end !== "")
      return { begin, rest: this.lower(format.content, `${path}.content`, end, depth + 1) };
    return { begin, rest: this.lower(format.content, `${path}.content`, null, depth + 1) };
  }

  #triggered(format: SchemaObject, path: string, end: string | null, depth: number): Node {
    const triggers = list(format, "triggers", path);
    const tags = list(format, "tags", path).map((tag, i) =>
      this.#tag(tag, `${path}.tags[${i}]`, depth),
    );
    const close = end === null ? empty : text(end);
    const after = format.stop_after_first === true ? close : this.#newRule();
    const marks = triggers.map((trigger, i) => {
      if (typeof trigger !== "string" || trigger === "") {
        return refuse(`${path}.triggers[${i}]`, trigger, "a text that is not empty");
      }
      const opened = tags.filter(({ begin }) => begin.startsWith(trigger));
      const branches = opened.map(({ begin, rest }) =>
        sequence(text(begin.slice(trigger.length)), rest, after),
      );
      if (branches.length === 0)
        return refuse(`${path}.triggers[${i}]`, trigger, "the beginning of a tag's begin");
      return { text: trigger, after: choice(...branches) };
    });
    for (const { begin } of tags) {
      if (triggers.some((trigger) => begin.startsWith(trigger as string))) continue;
      return refuse(`${path}.tags`, begin, "begun by one of the triggers");
    }
    const closing = end === null ? [] : [{ text: end, after: empty }];
    const free: Node = { type: "until", marks: [...marks, ...closing], mayEnd: end === null };
    if (after.type === "rule") this.rules.set(after.name, free);
    if (format.at_least_one !== true) return free;
    return choice(...tags.map(({ begin, rest }) => sequence(text(begin), rest, after)));
  }

  #separated(format: SchemaObject, path: string, depth: number): Node {
    const tags = list(format, "tags", path).map((tag, i) =>
      this.#tag(tag, `${path}.tags[${i}]`, depth),
    );
    const one = this.#newRule();
    this.rules.set(one.name, choice(...tags.map(({ begin, rest }) => sequence(text(begin), rest))));
    const separator = text(string(format, "separator", path));
    const all =
      format.stop_after_first === true ? one : sequence(one, repeat(sequence(separator, one), 0));
    return format.at_least_one === true ? all : optional(all);
  }

  #newRule(): Node & { type: "rule" } {
    const name = `tags-${this.rules.size}`;
    this.rules.set(name, empty);
    return rule(name) as Node & { type: "rule" };
  }
}

function olderForm({ structures, triggers }: SchemaObject): SchemaObject {
  const tags = (structures as unknown[]).map((each) => {
    const { begin, schema, end } = isObject(each) ? each : ({} as SchemaObject);
    const content = {
      type: "json_schema",
      json_schema: typeof schema === "string" ? parseJson(schema) : schema,
    };
    return { type: "tag", begin, content, end };
  });
  return { type: "triggered_tags", triggers, tags };
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (cause) {
    throw grammarFault(
      `structural_tag holds text that is not JSON (${(cause as Error).message}); give an object.`,
      cause,
    );
  }
}

function string(format: SchemaObject, key: string, path: string): string {
  const value = format[key];
  return typeof value === "string" ? value : refuse(`${path}.${key}`, value, "a string");
}

function list(format: SchemaObject, key: string, path: string): readonly unknown[] {
  const value = format[key];
  return Array.isArray(value) && value.length > 0
    ? value
    : refuse(`${path}.${key}`, value, "a list that is not empty");
}

function refuse(path: string, value: unknown, expected: string): never {
  throw grammarFault(`${path} is ${quote(value)}; it must be ${expected}.`);
}
