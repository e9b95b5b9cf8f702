// A place in text that is still coming. Parsers are generators over it: they pause where text is missing and go on
// when it came, so that no decision of theirs can depend on how the text was cut into pieces.
import { brokenSyntax } from "./broken-syntax.ts";
import type { MarkerSet } from "./marker-set.ts";

/** A parser's step: pauses (yields) only when it needs text that has not come. */
export type Parsing<T = void> = Generator<undefined, T, undefined>;

const blank = /\s/;

export class TextCursor {
  #text = "";
  #position = 0;
  #hasEnded = false;
  #record: string | null = null;
  readonly #maxRecordLength: number;
  /** UTF-16 units looked at by scans: what tests count instead of time. */
  scannedLength = 0;

  constructor(maxRecordLength: number) {
    this.#maxRecordLength = maxRecordLength;
  }

  feed(text: string): void {
    this.#text = this.#position === this.#text.length ? text : this.#rest() + text;
    this.#position = 0;
  }

  end(): void {
    this.#hasEnded = true;
  }

  /** Puts taken text back in front of the rest. */
  giveBack(text: string): void {
    this.#text = text + this.#rest();
    this.#position = 0;
  }

  /** The text has ended and all of it is taken. */
  get isAtEnd(): boolean {
    return this.#hasEnded && this.#position === this.#text.length;
  }

  /** Keeps `before` and what is taken from now on, so that it can be given back; bounded (see `maxHeldLength`). */
  startRecord(before = ""): void {
    this.#record = before;
  }

  /** What was taken since the record began, which ends it. */
  takeRecord(): string {
    const record = this.#record ?? "";
    this.#record = null;
    return record;
  }

  get isRecording(): boolean {
    return this.#record !== null;
  }

  /** Takes `length` units that are known to be there. A record that cannot hold them breaks the syntax. */
  take(length: number): string {
    const end = this.#position + length;
    if (end > this.#limit(end)) throw brokenSyntax;
    const taken = this.#text.slice(this.#position, end);
    this.#position = end;
    if (this.#record !== null) this.#record += taken;
    return taken;
  }

  /** The next unit, not taken; `""` at the end. */
  *peek(): Parsing<string> {
    while (this.#position === this.#text.length) {
      if (this.#hasEnded) return "";
      yield;
    }
    return this.#text.charAt(this.#position);
  }

  /** The marker that stands here, not taken; `""` for none. */
  *peekMarker(markers: MarkerSet): Parsing<string> {
    for (;;) {
      const found =
        this.#position === this.#text.length && !this.#hasEnded
          ? null
          : markers.at(this.#text, this.#position, this.#hasEnded);
      if (found !== null) return found;
      yield;
    }
  }

  /** Takes the marker that stands here; `""` for none. */
  *takeMarker(markers: MarkerSet): Parsing<string> {
    const marker = yield* this.peekMarker(markers);
    this.take(marker.length);
    return marker;
  }

  /** Takes `literal` if it stands here. */
  *accept(literal: string): Parsing<boolean> {
    for (;;) {
      const rest = this.#text.length - this.#position;
      if (rest >= literal.length) {
        if (!this.#text.startsWith(literal, this.#position)) return false;
        this.take(literal.length);
        return true;
      }
      if (this.#hasEnded || !literal.startsWith(this.#rest())) return false;
      yield;
    }
  }

  /** Takes `literal`, or the syntax is broken. */
  *expect(literal: string): Parsing {
    if (!(yield* this.accept(literal))) throw brokenSyntax;
  }

  /** Takes the units that `isWanted` holds for; at most `maxLength`, or the syntax is broken. */
  *takeWhile(isWanted: (unit: string) => boolean, maxLength: number): Parsing<string> {
    let taken = "";
    for (;;) {
      let end = this.#position;
      while (end < this.#text.length && isWanted(this.#text.charAt(end))) end++;
      this.scannedLength += end - this.#position;
      const isDone = end < this.#text.length;
      taken += this.#takeTo(end);
      if (this.#position < end || taken.length > maxLength) throw brokenSyntax;
      if (isDone || this.#hasEnded) return taken;
      yield;
    }
  }

  /** Takes white space. */
  takeBlanks(): Parsing<string> {
    return this.takeWhile(isBlank, Number.POSITIVE_INFINITY);
  }

  /** Hands on the text before the first of the markers, as it comes; the marker (`""`: the end came) is not taken. */
  *passUntil(markers: MarkerSet, receive: (text: string) => void): Parsing<string> {
    for (;;) {
      const { at, marker } = markers.find(this.#text, this.#position, this.#hasEnded);
      this.scannedLength += at - this.#position + (marker?.length ?? this.#text.length - at);
      if (at > this.#position) {
        receive(this.#takeTo(at));
        if (this.#position < at) throw brokenSyntax;
      }
      if (marker !== null) return marker;
      if (this.isAtEnd) return "";
      yield;
    }
  }

  /** The text before the first of the markers, which is taken; without one, or past `maxLength`, the syntax is broken. */
  *takeUntil(markers: MarkerSet, maxLength = Number.POSITIVE_INFINITY): Parsing<string> {
    let text = "";
    const found = yield* this.passUntil(markers, (piece) => {
      text += piece;
      if (text.length > maxLength) throw brokenSyntax;
    });
    if (found === "") throw brokenSyntax;
    this.take(found.length);
    return text;
  }

  /** Lets `read` take from the text until it says that it is done. False when the end came first. */
  *readWith(read: (text: string, from: number, to: number) => ReadStep): Parsing<boolean> {
    for (;;) {
      const limit = this.#limit(this.#text.length);
      const { end, isDone } = read(this.#text, this.#position, limit);
      this.scannedLength += end - this.#position;
      this.take(end - this.#position);
      if (isDone) return true;
      if (limit < this.#text.length) throw brokenSyntax;
      if (this.#hasEnded) return false;
      yield;
    }
  }

  /** Takes up to `end`, or what the record can hold: where it is full must not depend on the pieces. */
  #takeTo(end: number): string {
    return this.take(this.#limit(end) - this.#position);
  }

  /** `end`, or the place before it where the record is full. */
  #limit(end: number): number {
    if (this.#record === null) return end;
    return Math.min(end, this.#position + this.#maxRecordLength - this.#record.length);
  }

  #rest(): string {
    return this.#text.slice(this.#position);
  }
}

export interface ReadStep {
  /** Where the reader stopped: behind what it took. */
  readonly end: number;
  readonly isDone: boolean;
}

export function isBlank(unit: string): boolean {
  return blank.test(unit);
}
