import { passJson, readJson, readKey } from "../json/read-json.ts";
import type { ParseContext } from "../output/parse-context.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import type { Parsing } from "../scan/text-cursor.ts";

export interface CallObjectFormat {
  readonly nameKeys: readonly string[];
  readonly argumentKeys: readonly string[];
  /** A name without arguments is a call. */
  readonly nameAlone: boolean;
  /** `{name: arguments}` instead of two fields. */
  readonly isNameTheKey?: boolean;
}

export const callObject: CallObjectFormat = {
  nameKeys: ["name"],
  argumentKeys: ["arguments", "parameters"],
  nameAlone: false,
};

/** Keys that go with a call and say nothing more, also where a bare object may be something else. */
const idleKeys: ReadonlySet<string> = new Set(["id", "type", "index", "tool_call_id"]);

/**
 * Reads `{"name": .., "arguments": ..}` as a call; arguments stream as soon as the name is known.
 * `isBare`: without markers around it a field that no call has means that it is none.
 */
export function* readCallObject(
  context: ParseContext,
  format: CallObjectFormat,
  isBare = false,
): Parsing {
  const reader = new CallObjectReader(context, format, isBare);
  yield* reader.read();
  reader.end();
}

class CallObjectReader {
  readonly #context: ParseContext;
  readonly #format: CallObjectFormat;
  readonly #isBare: boolean;
  #name: string | null = null;
  /** Arguments that came before the name. */
  #earlyArguments = "";
  #hasArguments = false;

  constructor(context: ParseContext, format: CallObjectFormat, isBare: boolean) {
    this.#context = context;
    this.#format = format;
    this.#isBare = isBare;
  }

  *read(): Parsing {
    const { cursor } = this.#context;
    yield* cursor.expect("{");
    yield* cursor.takeBlanks();
    while (!(yield* cursor.accept("}"))) {
      const key = yield* readKey(cursor);
      yield* cursor.takeBlanks();
      yield* cursor.expect(":");
      yield* cursor.takeBlanks();
      yield* this.#readField(key);
      yield* cursor.takeBlanks();
      if (!(yield* cursor.accept(","))) {
        yield* cursor.expect("}");
        return;
      }
      yield* cursor.takeBlanks();
    }
  }

  /** The object is closed. */
  end(): void {
    if (this.#name === null || !(this.#hasArguments || this.#format.nameAlone)) throw brokenSyntax;
    if (!this.#hasArguments) {
      this.#context.writer.startCall(this.#name);
      this.#context.writer.arguments("{}");
    }
    this.#context.endCall();
  }

  *#readField(key: string): Parsing {
    const { cursor } = this.#context;
    const { nameKeys, argumentKeys, isNameTheKey } = this.#format;
    if (isNameTheKey) {
      if (this.#name !== null) throw brokenSyntax;
      this.#setName(key);
      yield* this.#readArguments();
    } else if (nameKeys.includes(key) && this.#name === null) {
      if ((yield* cursor.peek()) !== '"' && (yield* cursor.peek()) !== "'") throw brokenSyntax;
      this.#setName(JSON.parse(yield* readJson(cursor)) as string);
    } else if (argumentKeys.includes(key) && !this.#hasArguments) {
      yield* this.#readArguments();
    } else if (key === "function" && this.#name === null && (yield* cursor.peek()) === "{") {
      yield* this.read();
    } else {
      if (this.#isBare && !idleKeys.has(key)) throw brokenSyntax;
      yield* passJson(cursor, () => {});
    }
  }

  #setName(name: string): void {
    if (name === "") throw brokenSyntax;
    this.#name = name;
    if (!this.#hasArguments) return;
    this.#context.writer.startCall(name);
    this.#context.writer.arguments(this.#earlyArguments);
  }

  *#readArguments(): Parsing {
    const { cursor, writer } = this.#context;
    this.#hasArguments = true;
    if (this.#name !== null) writer.startCall(this.#name);
    yield* passJson(cursor, (json) => {
      if (this.#name === null) this.#earlyArguments += json;
      else writer.arguments(json);
    });
  }
}
