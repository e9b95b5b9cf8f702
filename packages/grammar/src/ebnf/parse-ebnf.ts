// GBNF (llama.cpp) and xgrammar's EBNF, which are one notation: `name ::= expression`, a rule per definition.
import { grammarFault, quote } from "../compile/grammar-fault.ts";
import { readClass } from "../regex/read-class.ts";
import { anyChar, type CharSet, charSet, charsOf, invert } from "../syntax/char-set.ts";
import {
  chars,
  choice,
  type Grammar,
  type Node,
  repeat,
  rule,
  sequence,
  text,
} from "../syntax/node.ts";

const maxNesting = 200;
const maxRepeat = 1_000_000;
const namePattern = /^[A-Za-z_][A-Za-z0-9_.-]*/;
const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  b: "\b",
  f: "\f",
  v: "\v",
  a: "\x07",
  e: "\x1b",
  "0": "\0",
};

/** The rule `root` is the whole text. */
export function parseEbnf(source: string): Grammar {
  return new Parser(source).run();
}

class Parser {
  readonly #source: string;
  readonly #chars: string[];
  readonly #rules = new Map<string, Node>();
  readonly #used = new Map<string, number>();
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#chars = Array.from(source);
  }

  run(): Grammar {
    if (!/::=/.test(this.#source) && /^\s*\??[a-z_]+(\.\d+)?\s*:/m.test(this.#source)) {
      throw grammarFault(
        "The grammar looks like Lark (`name: ...`), which is not read here; write GBNF: `root ::= ...`, character classes instead of /regular expressions/.",
      );
    }
    this.#skip();
    while (this.#at < this.#chars.length) this.#definition();
    if (!this.#rules.has("root")) {
      throw grammarFault(
        "The grammar has no rule named root; name the rule for the whole text `root`.",
      );
    }
    for (const [name, at] of this.#used) {
      if (this.#rules.has(name)) continue;
      this.#at = at;
      this.#refuse(`rule ${JSON.stringify(name)} is used but not defined`, "define it");
    }
    return { root: "root", rules: this.#rules };
  }

  #definition(): void {
    const name = this.#name();
    if (name === null)
      this.#refuse("no rule name where one must be", "begin each rule with `name ::=`");
    this.#skip();
    if (!this.#take("::="))
      this.#refuse(`rule ${JSON.stringify(name)} lacks ::=`, "write `name ::= ...`");
    if (this.#rules.has(name))
      this.#refuse(`rule ${JSON.stringify(name)} is defined twice`, "join both with |");
    this.#skip();
    this.#rules.set(name, this.#branches());
  }

  #branches(): Node {
    const branches = [this.#sequence()];
    for (;;) {
      this.#skip();
      if (this.#peek() !== "|") return choice(...branches);
      this.#at++;
      branches.push(this.#sequence());
    }
  }

  #sequence(): Node {
    const items: Node[] = [];
    for (;;) {
      this.#skip();
      const char = this.#peek();
      if (char === undefined || char === "|" || char === ")" || this.#isDefinition()) break;
      items.push(this.#quantified(this.#atom()));
    }
    return sequence(...items);
  }

  #atom(): Node {
    const char = this.#peek()!;
    if (char === '"' || char === "'") return text(this.#string());
    if (char === "[") return chars(this.#class());
    if (char === ".") {
      this.#at++;
      return chars(anyChar);
    }
    if (char === "(") {
      this.#at++;
      if (this.#peek() === "=")
        this.#refuse("a lookahead (=...)", "leave it out, it only speeds other engines up");
      if (++this.#depth > maxNesting)
        this.#refuse(`more than ${maxNesting} nested groups`, "use rules");
      const inner = this.#branches();
      this.#depth--;
      if (!this.#take(")")) this.#refuse("an open group", "close it with )");
      return inner;
    }
    const at = this.#at;
    const name = this.#name();
    if (name === null)
      return this.#refuse(`${quote(char)}, which begins nothing`, "quote literal text");
    if (!this.#used.has(name)) this.#used.set(name, at);
    return rule(name);
  }

  #quantified(node: Node): Node {
    let out = node;
    for (;;) {
      const char = this.#peek();
      if (char === "*") out = repeat(out, 0);
      else if (char === "+") out = repeat(out, 1);
      else if (char === "?") out = repeat(out, 0, 1);
      else if (char === "{") {
        out = this.#counted(out);
        continue;
      } else return out;
      this.#at++;
    }
  }

  #counted(node: Node): Node {
    const found = /^\{\s*(\d+)\s*(,?)\s*(\d*)\s*\}/.exec(this.#ahead(40));
    if (found === null)
      return this.#refuse("a { that is no repetition", "write {n}, {n,} or {n,m}");
    this.#at += found[0].length;
    const min = Number(found[1]);
    const max =
      found[2] === "" ? min : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (max < min || min > maxRepeat || (max > maxRepeat && max !== Number.POSITIVE_INFINITY)) {
      this.#refuse(found[0], `give numbers up to ${maxRepeat}, the smaller first`);
    }
    return repeat(node, min, max);
  }

  #string(): string {
    const quoteChar = this.#chars[this.#at++];
    let out = "";
    for (;;) {
      const char = this.#chars[this.#at++];
      if (char === undefined || char === "\n")
        this.#refuse("an open string", "close it with its quote");
      if (char === quoteChar) return out;
      out += char === "\\" ? String.fromCodePoint(this.#escape()) : char;
    }
  }

  #class(): CharSet {
    const end = readClass(this.#chars, this.#at + 1, (at) => {
      this.#at = at;
      const code = this.#escape();
      return { set: charSet([[code, code]]), at: this.#at };
    });
    if (end === null) this.#refuse("an open [", "close it with ]");
    this.#at = end.at;
    return end.isInverted ? invert(end.set) : end.set;
  }

  /** Behind the backslash. */
  #escape(): number {
    const char = this.#chars[this.#at++];
    if (char === undefined) return this.#refuse("a \\ at the end", "write \\\\ for the character");
    const known = escapes[char];
    if (known !== undefined) return known.codePointAt(0)!;
    const form = { x: /^[0-9a-fA-F]{2}/, u: /^[0-9a-fA-F]{4}/, U: /^[0-9a-fA-F]{8}/ }[char];
    if (form === undefined) {
      if (/[A-Za-z0-9]/.test(char))
        return this.#refuse(`the escape \\${char}`, "use \\n \\r \\t \\xHH \\uHHHH \\UHHHHHHHH");
      return charsOf(char)[0]!;
    }
    const found = form.exec(this.#ahead(8));
    const code = found === null ? Number.NaN : Number.parseInt(found[0], 16);
    if (found === null || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      return this.#refuse(`the escape \\${char}`, "give all digits of a character");
    }
    this.#at += found[0].length;
    return code;
  }

  /** A rule's name with ::= behind it: the next definition, not a use. */
  #isDefinition(): boolean {
    const start = this.#at;
    const name = this.#name();
    if (name !== null) this.#skip();
    const found = name !== null && this.#ahead(3) === "::=";
    this.#at = start;
    return found;
  }

  #name(): string | null {
    const found = namePattern.exec(this.#ahead(128));
    if (found === null) return null;
    this.#at += found[0].length;
    return found[0];
  }

  #skip(): void {
    for (;;) {
      const char = this.#peek();
      if (char === "#") {
        while (this.#peek() !== undefined && this.#peek() !== "\n") this.#at++;
      } else if (char === " " || char === "\t" || char === "\n" || char === "\r") {
        this.#at++;
      } else return;
    }
  }

  #take(expected: string): boolean {
    if (this.#ahead(expected.length) !== expected) return false;
    this.#at += expected.length;
    return true;
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #ahead(length: number): string {
    return this.#chars.slice(this.#at, this.#at + length).join("");
  }

  #refuse(what: string, remedy: string): never {
    const line = this.#chars.slice(0, this.#at).filter((char) => char === "\n").length + 1;
    throw grammarFault(`Line ${line} of the grammar has ${what}; ${remedy}.`);
  }
}
