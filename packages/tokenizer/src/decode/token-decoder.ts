/**
 * One step of decoding, fed token by token. What it gives out goes to the next step at once;
 * `flush` ends the text and leaves the step ready for a new one.
 */
export interface TokenDecoder {
  push(token: string, emit: (token: string) => void): void;
  flush(emit: (token: string) => void): void;
}
