// Calls in a section of special tokens: a header that names the function, a token, JSON, a token. DeepSeek V3, Kimi K2.
import { passJson } from "../json/read-json.ts";
import type { ParseContext } from "../output/parse-context.ts";
import type { Syntax } from "../output/syntax.ts";
import { brokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import { isBlank, type Parsing } from "../scan/text-cursor.ts";

export interface SectionCallsFormat {
  readonly sectionOpeners: readonly string[];
  readonly sectionClosers: readonly string[];
  readonly callOpener: string;
  readonly callCloser: string;
  /** Between the header and what follows it. */
  readonly headerEnd: string;
  /**
   * `name`: the header is the name. `type`: the header is a type, the name's line and a fenced block follow.
   * `id`: the header is an id that holds the name, `functions.name:0`.
   */
  readonly header: "name" | "type" | "id";
}

const maxHeaderLength = 512;
const fence = "```";

export function createSectionCalls(format: SectionCallsFormat): Syntax {
  const headerEnd = new MarkerSet([format.headerEnd]);
  const callOpener = new MarkerSet([format.callOpener]);
  const sectionClosers = new MarkerSet(format.sectionClosers);
  const ends = [format.callCloser, ...format.sectionClosers];
  const sections = new Set(format.sectionOpeners);

  function* readCall(context: ParseContext): Parsing {
    const { cursor, writer } = context;
    const header = (yield* cursor.takeUntil(headerEnd, maxHeaderLength)).trim();
    const name = format.header === "type" ? yield* readNameLine(context) : nameOf(header, format);
    if (name === "") throw brokenSyntax;
    yield* cursor.takeBlanks();
    if (yield* cursor.accept(fence)) {
      yield* cursor.takeWhile((unit) => /[a-zA-Z]/.test(unit), maxHeaderLength);
      yield* cursor.takeBlanks();
    }
    writer.startCall(name, format.header === "id" ? header : null);
    yield* passJson(cursor, (json) => writer.arguments(json));
    context.endCall();
    const blanks = yield* cursor.takeBlanks();
    if (!(yield* cursor.accept(fence))) context.returnBlanks(blanks);
  }

  function* readNameLine({ cursor }: ParseContext): Parsing<string> {
    const isName = (unit: string) => !isBlank(unit) && unit !== "`" && unit !== "{";
    yield* cursor.takeBlanks();
    return yield* cursor.takeWhile(isName, maxHeaderLength);
  }

  return {
    kind: "tool-calls",
    openers: [...format.sectionOpeners, format.callOpener, ...ends],
    *open(context, opener) {
      const { cursor } = context;
      cursor.take(opener.length);
      if (ends.includes(opener)) {
        if (!context.writer.hasCalls) throw brokenSyntax;
        context.leaveCall();
        return;
      }
      if (sections.has(opener)) {
        yield* cursor.takeBlanks();
        // An empty section says nothing; what else stands in it is no call.
        if ((yield* cursor.takeMarker(sectionClosers)) !== "") return;
        if ((yield* cursor.takeMarker(callOpener)) === "") throw brokenSyntax;
      }
      yield* readCall(context);
    },
  };
}

function nameOf(header: string, { header: kind }: SectionCallsFormat): string {
  if (kind !== "id") return header;
  return header.replace(/^functions\./, "").replace(/:\d+$/, "");
}
