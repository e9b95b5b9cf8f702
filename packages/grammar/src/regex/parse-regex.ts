// JavaScript's regular expressions as grammars: what a text must be as a whole. What no grammar can say is refused by name.
import { grammarFault, quote } from "../compile/grammar-fault.ts";
import { anyChar, type CharSet, charSet, charsOf, invert, subtract } from "../syntax/char-set.ts";
import { chars, choice, empty, type Node, repeat, sequence } from "../syntax/node.ts";
import { classEscapes, controlEscapes, unicodeProperty } from "./char-classes.ts";
import { readClass } from "./read-class.ts";

/** `anchored`: the whole text matches. `search`: some part of it does, as JSON Schema's `pattern` has it. */
export type RegexMode = "anchored" | "search";

export interface RegexOptions {
  readonly mode: RegexMode;
  /** For messages: what holds the pattern. */
  readonly where: string;
}

const maxNesting = 200;
const maxRepeat = 1_000_000;
/** What `.` does not match. */
const lineEnds: CharSet = charsOf("\n\r\u2028\u2029");

export function parseRegex(pattern: string, options: RegexOptions): Node {
  return new Parser(pattern, options).run();
}

interface Part {
  readonly node: Node;
  /** Begins with `^`, ends with `$`: of the pattern's own ends. */
  readonly fromStart: boolean;
  readonly toEnd: boolean;
}

class Parser {
  readonly #source: string;
  readonly #chars: string[];
  readonly #options: RegexOptions;
  #at = 0;
  #depth = 0;

  constructor(source: string, options: RegexOptions) {
    this.#source = source;
    this.#chars = Array.from(source);
    this.#options = options;
  }

  run(): Node {
    const branches = this.#branches();
    if (this.#at < this.#chars.length)
      this.#refuse("an unmatched )", "close what is open, or write \\)");
    if (this.#options.mode === "anchored") return choice(...branches.map(({ node }) => node));
    const anything = repeat(chars(anyChar), 0);
    return choice(
      ...branches.map(({ node, fromStart, toEnd }) =>
        sequence(fromStart ? empty : anything, node, toEnd ? empty : anything),
      ),
    );
  }

  #branches(): Part[] {
    const branches = [this.#sequence()];
    while (this.#peek() === "|") {
      this.#at++;
      branches.push(this.#sequence());
    }
    return branches;
  }

  #sequence(): Part {
    const items: Node[] = [];
    let fromStart = false;
    let toEnd = false;
    for (;;) {
      const char = this.#peek();
      if (char === undefined || char === "|" || char === ")") break;
      if (toEnd) this.#refuse("text after $", "put $ at the end");
      if (char === "^") {
        if (items.length > 0 || this.#depth > 0)
          this.#refuse("^ inside", "put it at the beginning");
        fromStart = true;
        this.#at++;
      } else if (char === "$") {
        if (this.#depth > 0) this.#refuse("$ inside a group", "put it at the end of the pattern");
        toEnd = true;
        this.#at++;
      } else {
        items.push(this.#quantified(this.#atom()));
      }
    }
    return { node: sequence(...items), fromStart, toEnd };
  }

  #atom(): Node {
    const char = this.#next()!;
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return chars(this.#class());
      case ".":
        return chars(subtract(anyChar, lineEnds));
      case "\\":
        return chars(this.#escape());
      case "*":
      case "+":
      case "?":
        return this.#refuse(`${char} with nothing to repeat`, `write \\${char} for the character`);
      default:
        if (char === "{" && this.#readBounds() !== null) {
          return this.#refuse("{ with nothing to repeat", "write \\{ for the character");
        }
        return chars(charsOf(char));
    }
  }

  #group(): Node {
    if (this.#peek() === "?") {
      const rest = this.#chars.slice(this.#at, this.#at + 3).join("");
      if (rest.startsWith("?:")) this.#at += 2;
      else if (/^\?P?<[^=!]/.test(rest)) {
        while (this.#peek() !== ">")
          if (this.#next() === undefined) this.#refuse("an open group name", "close it with >");
        this.#at++;
      } else if (/^\?<?[=!]/.test(rest)) {
        this.#refuse("lookahead or lookbehind", "spell the alternatives out");
      } else this.#refuse(`(${rest}`, "use (...), (?:...) or (?<name>...)");
    }
    if (++this.#depth > maxNesting)
      this.#refuse(`more than ${maxNesting} nested groups`, "flatten it");
    const branches = this.#branches();
    this.#depth--;
    if (this.#next() !== ")") this.#refuse("an open group", "close it with )");
    return choice(...branches.map(({ node }) => node));
  }

  #quantified(node: Node): Node {
    const char = this.#peek();
    let bounds: readonly [number, number] | null = null;
    if (char === "*") bounds = [0, Number.POSITIVE_INFINITY];
    else if (char === "+") bounds = [1, Number.POSITIVE_INFINITY];
    else if (char === "?") bounds = [0, 1];
    if (bounds !== null) this.#at++;
    else if (char === "{") {
      this.#at++;
      bounds = this.#readBounds();
      if (bounds === null) {
        this.#at--;
        return node;
      }
    } else return node;
    const [min, max] = bounds;
    if (max < min) this.#refuse(`{${min},${max}}`, "put the smaller number first");
    if (min > maxRepeat || (max > maxRepeat && max !== Number.POSITIVE_INFINITY)) {
      this.#refuse(`more than ${maxRepeat} repetitions`, "ask for fewer");
    }
    // Lazy: the same texts match.
    if (this.#peek() === "?") this.#at++;
    if (/^[*+?]$/.test(this.#peek() ?? ""))
      this.#refuse(`two quantifiers (${this.#peek()})`, "use a group");
    return repeat(node, min, max);
  }

  /** Behind `{`. `null` = no bounds stand here, and nothing was read. */
  #readBounds(): readonly [number, number] | null {
    const rest = this.#chars.slice(this.#at, this.#at + 24).join("");
    const found = /^(\d*)(,?)(\d*)\}/.exec(rest);
    if (found === null || (found[1] === "" && found[3] === "")) return null;
    this.#at += found[0].length;
    const min = Number(found[1] || 0);
    if (found[2] === "") return [min, min];
    return [min, found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3])];
  }

  #class(): CharSet {
    const end = readClass(this.#chars, this.#at, (at) => {
      this.#at = at;
      return { set: this.#escape(true), at: this.#at };
    });
    if (end === null) this.#refuse("an open [", "close it with ]");
    this.#at = end.at;
    return end.isInverted ? invert(end.set) : end.set;
  }

  /** Behind the backslash. */
  #escape(inClass = false): CharSet {
    const char = this.#next();
    if (char === undefined) return this.#refuse("a \\ at the end", "write \\\\ for the character");
    const known = classEscapes[char] ?? controlEscapes[char];
    if (known !== undefined) return known;
    if (char === "b" && inClass) return charsOf("\b");
    if (char === "b" || char === "B")
      return this.#refuse(`\\${char} (word boundary)`, "name the characters around it");
    if (char === "A" || char === "Z" || char === "z")
      return this.#refuse(`\\${char}`, "use ^ and $");
    if (/[1-9k]/.test(char))
      return this.#refuse(`\\${char} (back reference)`, "spell the text out");
    if (char === "0") return charsOf("\0");
    if (char === "c") {
      const code = this.#code(/^[A-Za-z]/, "c").codePointAt(0)! % 32;
      return [code, code];
    }
    if (char === "x") return this.#codePoint(/^[0-9a-fA-F]{2}/, char);
    if (char === "u") {
      return this.#peek() === "{"
        ? this.#codePoint(/^\{[0-9a-fA-F]{1,6}\}/, char)
        : this.#codePoint(/^[0-9a-fA-F]{4}/, char);
    }
    if (char === "p" || char === "P") return this.#property(char === "P");
    if (/[a-zA-Z]/.test(char)) return this.#refuse(`\\${char}`, "use an escape of JavaScript");
    return charsOf(char);
  }

  #codePoint(form: RegExp, name: string): CharSet {
    const code = Number.parseInt(this.#code(form, name).replace(/[{}]/g, ""), 16);
    if (code >= 0xd800 && code <= 0xdbff) return this.#surrogatePair(code);
    if (code > 0x10ffff) return this.#refuse(`\\${name} beyond U+10FFFF`, "name a character");
    return charSet([[code, code]]);
  }

  #surrogatePair(high: number): CharSet {
    const found = /^\\u([dD][c-fC-F][0-9a-fA-F]{2})/.exec(
      this.#chars.slice(this.#at, this.#at + 6).join(""),
    );
    if (found === null) return this.#refuse("half a surrogate pair", "write \\u{...}");
    this.#at += 6;
    const code = 0x10000 + (high - 0xd800) * 0x400 + (Number.parseInt(found[1]!, 16) - 0xdc00);
    return [code, code];
  }

  #code(form: RegExp, name: string): string {
    const found = form.exec(this.#chars.slice(this.#at, this.#at + 10).join(""));
    if (found === null) return this.#refuse(`an unfinished \\${name}`, "give all its digits");
    this.#at += found[0].length;
    return found[0];
  }

  #property(isInverted: boolean): CharSet {
    const name = this.#code(/^\{[A-Za-z_=]{1,8}[^}]{0,40}\}/, "p");
    const set = unicodeProperty(name.slice(1, -1));
    if (set === null)
      return this.#refuse(`\\p${name}`, "use a Unicode property that JavaScript knows");
    return isInverted ? invert(set) : set;
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(): string | undefined {
    return this.#chars[this.#at++];
  }

  #refuse(what: string, remedy: string): never {
    throw grammarFault(
      `${this.#options.where} ${quote(this.#source)} has ${what}, which is not supported; ${remedy}.`,
    );
  }
}
