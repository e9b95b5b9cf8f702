// Peers in typed languages tell apart what JavaScript writes alike: 1 and 1.0, 32 and 64 bits, an id and its text.

/** A number that travels as a 32-bit float, also when it is whole. */
export class Float32 {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A number that travels as a 64-bit float, also when it is whole. */
export class Float64 {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** An id that travels as 16 bytes where the codec has bytes, else as its text. */
export class Uuid {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  toBytes(): Uint8Array {
    return Buffer.from(this.text.replaceAll("-", ""), "hex");
  }
}
