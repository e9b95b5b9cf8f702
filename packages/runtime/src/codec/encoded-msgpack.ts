/**
 * A value that somebody has written as MessagePack already. Planes that speak it put the bytes where the value would
 * stand, others read it first; a caller gets the value in any case.
 */
export class EncodedMsgpack {
  readonly bytes: Uint8Array;
  /** The same as a plain value. */
  readonly decode: () => unknown;

  constructor(bytes: Uint8Array, decode: () => unknown) {
    this.bytes = bytes;
    this.decode = decode;
  }
}
