import type { z } from "zod";
import type { NativeFlag } from "../native/native-flag.ts";

/** A concern is a zod object whose fields are options. */
export type Concerns = Readonly<Record<string, z.ZodObject>>;

/** What a program understands. `defineCommand` checks it. */
export interface Command<C extends Concerns = Concerns> {
  /** As typed in a terminal: `dyn-worker`. */
  readonly name: string;
  /** One sentence for the top of `--help`. */
  readonly summary: string;
  /** Printed by `--version`. */
  readonly version: string;
  readonly concerns: C;
  /** Flags of other programs, with what becomes of them. */
  readonly nativeFlags?: readonly NativeFlag[];
  /** The option that the one positional argument sets: its flag. */
  readonly positional?: string;
  /** Whether arguments after `--` are kept as `rest`; otherwise they are refused. */
  readonly keepsRest?: boolean;
  /** Whether `--config FILE` and, with `section`, `--disagg-config` exist. */
  readonly configFile?: "none" | "file" | "file-and-section";
}

/** The parsed options, by concern and field. */
export type CommandValues<C extends Concerns> = {
  readonly [K in keyof C]: Readonly<z.output<C[K]>>;
};

/** Where a value came from. */
export interface ValueSource {
  /** In falling precedence: flag, env, file, preset, default; `derived` follows from other options. */
  readonly kind: "flag" | "env" | "file" | "preset" | "default" | "derived";
  /** The flag as typed, the variable, `file.yaml: key`, the preset's name, or why it was derived. */
  readonly detail: string;
}

export type CommandSources<C extends Concerns> = {
  readonly [K in keyof C]: { readonly [F in keyof z.output<C[K]>]-?: ValueSource };
};

/** A program may start with these. */
export interface RunArgs<C extends Concerns = Concerns> {
  readonly action: "run";
  readonly command: Command<C>;
  readonly values: CommandValues<C>;
  readonly sources: CommandSources<C>;
  /** Sentences for the log at start: accepted without effect, deprecated, abbreviated. Each once. */
  readonly notices: readonly string[];
  /** What stood after `--`. */
  readonly rest: readonly string[];
}

/** The user asked for a text (`--help`, `--version`, `--explain-config`): print it and exit with 0. */
export interface PrintArgs {
  readonly action: "print";
  readonly text: string;
}
