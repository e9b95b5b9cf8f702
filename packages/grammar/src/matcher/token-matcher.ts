import type { MatcherOptions } from "../contract/grammar-compiler.ts";
import type { GrammarMatcher } from "../contract/grammar-matcher.ts";
import type { Machine, Position } from "../machine/machine.ts";
import type { TokenMasks } from "../machine/token-masks.ts";
import { writeState } from "./matcher-state.ts";
import { type StartMarker, tokenText } from "./start-marker.ts";

/** Where the text stands after a token. */
interface Place {
  /** `null` = the grammar has not begun. */
  readonly position: Position | null;
  /** End of the text before the grammar: what may be the marker's beginning. */
  readonly tail: Buffer;
  readonly hasEnded: boolean;
}

const noBytes = Buffer.alloc(0);
/** Forced text longer than this is told in pieces. */
const maxJumpBytes = 256;

export class TokenMatcher implements GrammarMatcher {
  readonly #machine: Machine;
  readonly #masks: TokenMasks;
  readonly #marker: StartMarker | null;
  readonly #endIds: ReadonlySet<number>;
  readonly #stopIds: ReadonlySet<number>;
  readonly #tokens: number[] = [];
  /** One before each token, and the present one. */
  readonly #places: Place[];

  constructor(parts: {
    readonly machine: Machine;
    readonly masks: TokenMasks;
    readonly marker: StartMarker | null;
    readonly options: MatcherOptions;
  }) {
    this.#machine = parts.machine;
    this.#masks = parts.masks;
    this.#marker = parts.marker;
    const { vocabSize } = parts.masks.trie;
    const known = (ids: readonly number[]) =>
      new Set(ids.filter((id) => id >= 0 && id < vocabSize));
    this.#endIds = known(parts.options.endTokenIds);
    this.#stopIds = known(parts.options.stopTokenIds ?? []);
    const position = parts.marker === null ? parts.machine.start() : null;
    this.#places = [{ position, tail: noBytes, hasEnded: false }];
  }

  fillMask(mask: Int32Array): boolean {
    const { position, tail, hasEnded } = this.#place();
    if (hasEnded) mask.fill(0);
    else if (position === null) {
      this.#marker!.fillMask(mask, tail, (rest) => this.#follow(null, rest) !== null);
    } else {
      mask.set(this.#masks.maskOf(this.#machine, position));
    }
    for (const id of this.#endIds) mask[id >>> 5]! &= ~(1 << (id & 31));
    if (!hasEnded && position?.canEnd) {
      for (const id of this.#endIds) mask[id >>> 5]! |= 1 << (id & 31);
      for (const id of this.#stopIds) mask[id >>> 5]! |= 1 << (id & 31);
    }
    return true;
  }

  accept(tokenId: number): boolean {
    const place = this.#place();
    if (place.hasEnded) return false;
    const next = this.#endIds.has(tokenId) ? null : this.#afterText(place, tokenId);
    if (next === null) {
      const mayEnd = place.position?.canEnd === true;
      if (!mayEnd || !(this.#endIds.has(tokenId) || this.#stopIds.has(tokenId))) return false;
    }
    this.#tokens.push(tokenId);
    this.#places.push(next ?? { ...place, hasEnded: true });
    return true;
  }

  isTerminated(): boolean {
    const { position, hasEnded } = this.#place();
    return hasEnded || (position?.canEnd === true && position.stacks.length === 0);
  }

  canEnd(): boolean {
    const { position, hasEnded } = this.#place();
    return hasEnded || position?.canEnd === true;
  }

  rollback(tokenCount: number): void {
    if (!(tokenCount >= 0 && tokenCount <= this.#tokens.length)) {
      throw new RangeError(
        `rollback(${tokenCount}): ${this.#tokens.length} tokens were accepted so far.`,
      );
    }
    this.#tokens.length -= tokenCount;
    this.#places.length -= tokenCount;
  }

  jumpForward(): Uint8Array {
    const { position, hasEnded } = this.#place();
    const bytes: number[] = [];
    let at = hasEnded ? null : position;
    while (at !== null && !at.canEnd && bytes.length < maxJumpBytes) {
      const byte = this.#machine.onlyByte(at);
      if (byte < 0) break;
      bytes.push(byte);
      at = this.#machine.step(at, byte);
    }
    return Uint8Array.from(bytes);
  }

  save(): string {
    return writeState(this.#tokens);
  }

  /** The present place; a position that its machine forgot meanwhile is made again. */
  #place(): Place {
    const at = this.#places.length - 1;
    const place = this.#places[at]!;
    this.#machine.begin();
    if (place.position === null) return place;
    const position = this.#machine.renew(place.position);
    if (position === place.position) return place;
    const renewed = { ...place, position };
    this.#places[at] = renewed;
    return renewed;
  }

  #afterText(place: Place, tokenId: number): Place | null {
    if (place.position === null) {
      const pushed = this.#marker!.push(place.tail, tokenId);
      if (pushed === null) return null;
      if (!Buffer.isBuffer(pushed)) return { ...place, tail: pushed.tail };
      const position = this.#follow(null, pushed);
      return position === null ? null : { position, tail: noBytes, hasEnded: false };
    }
    const { trie } = this.#masks;
    if ((trie.special[tokenId >>> 5]! & (1 << (tokenId & 31))) !== 0) return null;
    const bytes = tokenText(trie, tokenId);
    const position = bytes.length === 0 ? null : this.#follow(place.position, bytes);
    return position === null ? null : { ...place, position };
  }

  /** `from` = `null`: from the grammar's beginning; blanks before it are no part of the text. */
  #follow(from: Position | null, bytes: Buffer): Position | null {
    let position: Position | null = from ?? this.#machine.start();
    let first = 0;
    if (from === null) while (first < bytes.length && isBlank(bytes[first]!)) first++;
    for (let i = first; i < bytes.length && position !== null; i++) {
      position = this.#machine.step(position, bytes[i]!);
    }
    return position;
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
