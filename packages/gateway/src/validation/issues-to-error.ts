// From what zod found to one sentence per fault that names field, rule and value.
import { InvalidArgumentError } from "@dyn/protocol";
import type { z } from "zod";
import { showValue } from "./show-value.ts";

type Issue = z.core.$ZodIssue;

const maxSentences = 3;
const maxUnknownNames = 50;

export function issuesToError(issues: readonly Issue[], body: unknown): InvalidArgumentError {
  const unknown = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" && issue.path.length === 0 ? issue.keys : [],
  );
  if (unknown.length > 0) {
    const names = unknown.sort().map(clipName);
    const shown = names.slice(0, maxUnknownNames).join(", ");
    const rest =
      names.length > maxUnknownNames ? `, and ${names.length - maxUnknownNames} more` : "";
    return new InvalidArgumentError(`Unsupported parameter(s): ${shown}${rest}`, {
      param: names[0]!,
      code: "DYN_GATEWAY_UNKNOWN_PARAMETER",
    });
  }
  const faults = issues.map((issue) => deepest(issue, []));
  const sentences = faults.slice(0, maxSentences).map((fault) => sentence(fault, body));
  const left = faults.length - sentences.length;
  if (left > 0) sentences.push(`${left} more fields are wrong.`);
  const param = formatPath(faults[0]!.path);
  return new InvalidArgumentError(sentences.join(" "), {
    code: "DYN_GATEWAY_INVALID_VALUE",
    ...(param === "" ? {} : { param }),
  });
}

function clipName(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}...` : name;
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly rule: string;
  /** The field itself is too much, whatever its value. */
  readonly isUnknown?: boolean;
}

/** Of a union's branches the one that came nearest tells what is wrong: it got into the value. */
function deepest(issue: Issue, base: readonly PropertyKey[]): Fault {
  const path = [...base, ...issue.path];
  if (issue.code === "invalid_key") {
    return { path, rule: issue.issues[0]?.message ?? issue.message };
  }
  if (issue.code === "unrecognized_keys") {
    return { path: [...path, issue.keys[0]!], rule: "", isUnknown: true };
  }
  if (issue.code !== "invalid_union") return { path, rule: ruleOf(issue) };
  const inside = issue.errors
    .filter((branch) => branch.every(({ path: inner }) => inner.length > 0))
    .sort((a, b) => a.length - b.length || reachOf(b) - reachOf(a));
  // Or it was of the right type and only too long, say.
  const ofRightType = issue.errors.filter((branch) => branch[0]?.code.startsWith("too_"));
  const nearest = inside[0]?.[0] ?? ofRightType[0]?.[0];
  return nearest === undefined ? { path, rule: ruleOf(issue) } : deepest(nearest, path);
}

/** In our words; what zod says by itself becomes the end of a sentence too. */
function ruleOf({ message }: Issue): string {
  const [, wanted] = /^Invalid input: expected (.+?)(?:, received .*)?$/.exec(message) ?? [];
  if (wanted === undefined) return message;
  if (wanted.startsWith('"')) return `must be ${wanted}`;
  return `must be ${/^[aeio]/.test(wanted) ? "an" : "a"} ${wanted}`;
}

/** How many entries of a list were right before the first that was not. */
function reachOf(branch: readonly Issue[]): number {
  const position = branch[0]?.path[0];
  return typeof position === "number" ? position : 0;
}

function sentence({ path, rule, isUnknown = false }: Fault, body: unknown): string {
  if (isUnknown) {
    const name = clipName(formatPath(path));
    return `${name} is no field that ${formatPath(path.slice(0, -1))} has. Leave it out, or correct its name.`;
  }
  const name = path.length === 0 ? "The request body" : formatPath(path);
  const value = valueAt(body, path);
  if (value === undefined) return `${name} is required: it ${rule}.`;
  return `${name} ${rule}, but is ${showValue(value)}.`;
}

/** `messages[0].content` */
function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) =>
      typeof part === "number" ? `[${part}]` : `${i === 0 ? "" : "."}${String(part)}`,
    )
    .join("");
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  let value = body;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
