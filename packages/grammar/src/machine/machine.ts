// Follows a program byte by byte. A position is the set of all ways in which the text so far can be read; positions
// and the steps between them are made when first needed and kept, so common ones cost a look-up.
import { grammarFault } from "../compile/grammar-fault.ts";
import { op, type Program, plain } from "../program/program.ts";
import { childKey, type Stack } from "./stack.ts";

export interface Position {
  /** Each stands before a byte. */
  readonly stacks: readonly Stack[];
  /** The text may end here. */
  readonly canEnd: boolean;
  /** Row of the machine's table. */
  readonly index: number;
  /** So many plain characters may follow, whatever they are. */
  readonly plainReach: number;
  /** Text of plain characters alone can only be those: a longer one is not allowed. */
  readonly isPlainBounded: boolean;
  /** Made by its machine before it forgot so often. */
  readonly generation: number;
  mask: Int32Array | null;
}

/** Ways of reading one text at one time: an unambiguous grammar has a handful. */
const maxStacks = 2048;
/** Steps to make the positions that one token, or one mask, needs. Honest grammars need some thousand. */
const maxWork = 300_000;
/** Its row of the table, and the object. */
const positionBytes = 1024 + 200;
/** In the table: not allowed; 0 = not known yet. */
export const forbidden = -1;
const stackBytes = 240;

export class Machine {
  readonly #program: Program;
  readonly #maxBytes: number;
  #bytes = 0;
  #generation = 0;
  #byKey = new Map<string, Position>();
  #positions: Position[] = [];
  #table = new Int32Array(64 * 256);
  #root: Stack;
  #round = 0;
  #work = 0;
  #canEnd = false;
  #nextId = 0;
  #start: Position | null = null;
  /** What `#close` still has to look at. */
  readonly #openStates: number[] = [];
  readonly #openParents: Stack[] = [];

  /** `maxBytes`: estimated memory for positions, masks included; when it is reached all are forgotten and made again. */
  constructor(program: Program, maxBytes: number) {
    this.#program = program;
    this.#maxBytes = maxBytes;
    this.#root = this.#newStack(-1, -1, null);
  }

  get sizeBytes(): number {
    return this.#bytes;
  }

  start(): Position {
    if (this.#start === null) {
      // Row 0 stands for "not known": nobody's.
      if (this.#positions.length === 0) this.#intern([], false);
      this.#open(this.#program.root, this.#root);
      this.#start = this.#close()!;
    }
    return this.#start;
  }

  /** Index of the position after a byte, at [position.index x 256 + byte]. Valid until a step is made. */
  get table(): Int32Array {
    return this.#table;
  }

  position(index: number): Position {
    return this.#positions[index]!;
  }

  /** `null` = the byte is not allowed. */
  step(position: Position, byte: number): Position | null {
    const known = this.#table[position.index * 256 + byte]!;
    if (known !== 0) return known < 0 ? null : this.#positions[known]!;
    const { operands, edges } = this.#program;
    // The neighbours that go the same way are learnt with it.
    let first = 0;
    let last = 255;
    for (const { state, parent } of position.stacks) {
      const from = operands[state * 4]!;
      const to = from + operands[state * 4 + 1]! * 3;
      for (let at = from; at < to; at += 3) {
        const low = edges[at]!;
        const high = edges[at + 1]!;
        if (byte < low) {
          last = Math.min(last, low - 1);
        } else if (byte > high) {
          first = Math.max(first, high + 1);
        } else {
          first = Math.max(first, low);
          last = Math.min(last, high);
          this.#open(edges[at + 2]!, parent!);
        }
      }
    }
    const next = this.#close();
    const row = position.index * 256;
    this.#table.fill(next?.index ?? forbidden, row + first, row + last + 1);
    return next;
  }

  /** The same place for as long as the machine remembers; call when a position was kept over other work. */
  renew(position: Position): Position {
    if (position.generation === this.#generation) return position;
    this.start();
    const copies = new Map<Stack, Stack>();
    const stacks = position.stacks.map((stack) => this.#copy(stack, copies));
    return this.#intern(stacks, position.canEnd);
  }

  /** The bytes that may come next, when it is only one: that byte; -1 = none or several. */
  onlyByte(position: Position): number {
    const { operands, edges } = this.#program;
    let only = -1;
    for (const { state } of position.stacks) {
      const from = operands[state * 4]!;
      const count = operands[state * 4 + 1]!;
      if (count !== 1 || edges[from] !== edges[from + 1]) return -1;
      if (only >= 0 && only !== edges[from]) return -1;
      only = edges[from]!;
    }
    return only;
  }

  /** Memory that others tie to positions. */
  charge(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Call before each token: gives it its share of work. Positions that are held must be renewed afterwards. */
  begin(): void {
    this.#work = 0;
    if (this.#bytes <= this.#maxBytes) return;
    this.#byKey = new Map();
    this.#positions = [];
    this.#table = new Int32Array(64 * 256);
    this.#root = this.#newStack(-1, -1, null);
    this.#start = null;
    this.#bytes = 0;
    this.#generation++;
  }

  #open(state: number, parent: Stack): void {
    this.#openStates.push(state);
    this.#openParents.push(parent);
  }

  /** From what is open to all places before a byte. `null` = there is none and the text cannot end. */
  #close(): Position | null {
    const found = this.#findStacks();
    if (found.length === 0 && !this.#canEnd) return null;
    const canEnd = this.#canEnd;
    return this.#intern(found, canEnd);
  }

  /** Leaves in `#canEnd` whether the text may end. */
  #findStacks(): Stack[] {
    const { ops, operands, edges } = this.#program;
    const round = ++this.#round;
    const found: Stack[] = [];
    this.#canEnd = false;
    while (this.#openStates.length > 0) {
      const state = this.#openStates.pop()!;
      const parent = this.#openParents.pop()!;
      if (++this.#work > maxWork) throw this.#tooAmbiguous();
      if (state === 0) {
        if (parent === this.#root || parent.parent === null) this.#canEnd = true;
        else if (parent.count < 0) this.#open(parent.state, parent.parent);
        else this.#goRound(parent.state, parent.count + 1, parent.parent, round);
        continue;
      }
      const stack = this.#push(state, -1, parent);
      if (stack.seen === round) continue;
      stack.seen = round;
      const a = operands[state * 4]!;
      const b = operands[state * 4 + 1]!;
      switch (ops[state]) {
        case op.bytes:
          found.push(stack);
          if (found.length > maxStacks) throw this.#tooAmbiguous();
          break;
        case op.split:
          for (let i = a + b - 1; i >= a; i--) this.#open(edges[i]!, parent);
          break;
        case op.call:
          this.#open(a, b === 0 ? parent : this.#push(b, -1, parent));
          break;
        default:
          this.#goRound(state, 0, parent, round);
      }
    }
    return found;
  }

  /** A repetition whose body was complete `done` times. */
  #goRound(state: number, done: number, parent: Stack, round: number): void {
    const { operands } = this.#program;
    const at = state * 4;
    const min = operands[at + 2]!;
    const max = operands[at + 3]!;
    const count = max < 0 ? Math.min(done, min) : done;
    const frame = this.#push(state, count, parent);
    if (frame.seenRepeat === round) return;
    frame.seenRepeat = round;
    if (count >= min) this.#open(operands[at + 1]!, parent);
    if (max < 0 || count < max) this.#open(operands[at]!, frame);
  }

  #intern(stacks: readonly Stack[], canEnd: boolean): Position {
    const sorted = stacks.length > 1 ? [...stacks].sort((a, b) => a.id - b.id) : stacks;
    let key = canEnd ? "!" : "";
    for (const { id } of sorted) key += `${id},`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const loops = sorted.filter(({ state }) => this.#program.plain[state] !== plain.no);
    const position: Position = {
      stacks: sorted,
      canEnd,
      index: this.#positions.length,
      plainReach: loops.reduce((most, stack) => Math.max(most, this.#plainReach(stack)), 0),
      isPlainBounded: loops.length === 1 && this.#isPlainBounded(loops[0]!, sorted),
      generation: this.#generation,
      mask: null,
    };
    this.#byKey.set(key, position);
    this.#positions.push(position);
    this.#growTable();
    this.#bytes += positionBytes + key.length * 2;
    return position;
  }

  #growTable(): void {
    if (this.#positions.length * 256 <= this.#table.length) return;
    const grown = new Int32Array(this.#table.length * 2);
    grown.set(this.#table);
    this.#table = grown;
  }

  #plainReach({ state, parent }: Stack): number {
    const kind = this.#program.plain[state];
    if (kind === plain.no) return 0;
    if (kind === plain.endless) return Number.POSITIVE_INFINITY;
    const max = this.#program.operands[parent!.state * 4 + 3]!;
    return max < 0 ? Number.POSITIVE_INFINITY : max - parent!.count;
  }

  /** Nothing beside the loop, and nothing behind it, begins with a plain character. */
  #isPlainBounded(loop: Stack, stacks: readonly Stack[]): boolean {
    if (stacks.some((stack) => stack !== loop && this.#beginsPlain(stack.state))) return false;
    if (this.#program.plain[loop.state] === plain.endless) return true;
    const { state, parent } = loop.parent!;
    this.#open(this.#program.operands[state * 4 + 1]!, parent!);
    return !this.#findStacks().some((stack) => this.#beginsPlain(stack.state));
  }

  /** Whether a state takes the first byte of a plain character. */
  #beginsPlain(state: number): boolean {
    const { operands, edges } = this.#program;
    const from = operands[state * 4]!;
    const to = from + operands[state * 4 + 1]! * 3;
    for (let at = from; at < to; at += 3) {
      const [low, high] = [edges[at]!, edges[at + 1]!];
      const isSpecial = high < 0x20 || (low === high && (low === 0x22 || low === 0x5c));
      if (!isSpecial) return true;
    }
    return false;
  }

  #push(state: number, count: number, parent: Stack): Stack {
    const key = childKey(state, count);
    const known = parent.children.get(key);
    if (known !== undefined) return known;
    const stack = this.#newStack(state, count, parent);
    parent.children.set(key, stack);
    return stack;
  }

  #newStack(state: number, count: number, parent: Stack | null): Stack {
    this.#bytes += stackBytes;
    return {
      state,
      count,
      parent,
      id: this.#nextId++,
      children: new Map(),
      seen: 0,
      seenRepeat: 0,
    };
  }

  #copy(stack: Stack, copies: Map<Stack, Stack>): Stack {
    if (stack.parent === null) return this.#root;
    const known = copies.get(stack);
    if (known !== undefined) return known;
    // From the bottom up, without recursion: stacks may be as deep as the text is nested.
    const path: Stack[] = [];
    let bottom: Stack = stack;
    while (bottom.parent !== null && !copies.has(bottom)) {
      path.push(bottom);
      bottom = bottom.parent;
    }
    let copy = copies.get(bottom) ?? this.#root;
    for (const each of path.reverse()) {
      copy = this.#push(each.state, each.count, copy);
      copies.set(each, copy);
    }
    return copy;
  }

  #tooAmbiguous(): Error {
    this.#openStates.length = 0;
    this.#openParents.length = 0;
    return grammarFault(
      "The grammar can read the text so far in too many ways; rewrite it so that alternatives differ early and repetitions are not nested without need.",
    );
  }
}
