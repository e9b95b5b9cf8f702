// The lines of a child on our own standard error stream, each with the child's name; the last ones are kept.
import type { Readable } from "node:stream";

/** Longer lines are cut: a child that never ends its line must not fill our memory. */
const maxLineBytes = 64 * 1024;
const keptLines = 20;
/** Bright, and readable on dark and light terminals; red and yellow are for levels. */
const colors = [36, 35, 34, 32, 96, 95, 94, 92];

export interface LogRelayOptions {
  readonly name: string;
  /** Width of the column of names. */
  readonly width: number;
  /** Which colour: the number of the process. `null`: none. */
  readonly colorIndex: number | null;
  /** Lines of JSON get a field `process` instead of a prefix. */
  readonly isJsonl: boolean;
  readonly destination?: NodeJS.WritableStream;
}

export class LogRelay {
  readonly #prefix: string;
  readonly #field: string | null;
  readonly #destination: NodeJS.WritableStream;
  readonly #last: string[] = [];

  constructor(options: LogRelayOptions) {
    const { name, width, colorIndex, isJsonl } = options;
    const label = `${name.padEnd(width)} | `;
    const color = colorIndex === null ? null : colors[colorIndex % colors.length];
    this.#prefix = color === null ? label : `\x1b[${color}m${label}\x1b[0m`;
    this.#field = isJsonl ? `{"process":${JSON.stringify(name)},` : null;
    this.#destination = options.destination ?? process.stderr;
  }

  /** Oldest first, without names. */
  get lastLines(): readonly string[] {
    return this.#last;
  }

  /** Reads the stream to its end. While our own stream is full the child's is not read. */
  follow(stream: Readable): void {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = (lines.pop() ?? "").slice(0, maxLineBytes);
      if (lines.length === 0 || this.#write(lines)) return;
      stream.pause();
      this.#destination.once("drain", () => stream.resume());
    });
    stream.on("end", () => {
      if (rest !== "") this.#write([rest]);
    });
  }

  #write(lines: readonly string[]): boolean {
    this.#last.push(...lines);
    this.#last.splice(0, this.#last.length - keptLines);
    return this.#destination.write(lines.map((line) => `${this.#label(line)}\n`).join(""));
  }

  #label(line: string): string {
    if (this.#field !== null && line.startsWith("{")) return `${this.#field}${line.slice(1)}`;
    return `${this.#prefix}${line}`;
  }
}
