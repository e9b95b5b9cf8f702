import { z } from "zod";

/** What an option is besides its type, default and bounds, which the zod schema holds. */
export interface OptionMeta {
  /** The variable that gives the value when no flag does. */
  readonly env?: string;
  /** The option has no flag: only its variable (or a configuration file) sets it. */
  readonly envOnly?: true;
  /** Canonical flag, when it is not the field's name in kebab case. */
  readonly flag?: string;
  /** One letter: `i` for `-i`. */
  readonly short?: string;
  /** Further spellings of equal standing, without dashes: `["tp"]`. */
  readonly aliases?: readonly string[];
  /** Spellings of earlier releases: they work and a notice names the new one. */
  readonly oldNames?: readonly string[];
  /** Variables of earlier releases, likewise. */
  readonly oldEnv?: readonly string[];
  /** Heading in `--help` and in the reference page. */
  readonly group?: string;
  /** What stands for the value in `--help`: `PATH`. */
  readonly placeholder?: string;
  /** Masked in dumps and explanations. */
  readonly secret?: true;
  /** Left out of `--help`; still in the reference page. */
  readonly hidden?: true;
  /** Release that brought the option. */
  readonly since?: string;
  /**
   * How a list is written: `values` after one flag (the last flag wins), one value per `repeat`ed flag,
   * or `comma` separated. Default `values`. A variable is split on white space, or at commas with `comma`.
   */
  readonly list?: "values" | "repeat" | "comma";
  /** A list that may be given with no value at all. */
  readonly emptyList?: true;
  /** The value that the bare flag stands for; without it the flag needs a value. */
  readonly bareValue?: string;
  /** Integers may carry k M G T (powers of 1000) or Ki Mi Gi Ti (powers of 1024). */
  readonly humanInteger?: true;
  /** Values that earlier releases or other programs take, and what to do instead: the error says it. */
  readonly retiredValues?: Readonly<Record<string, string>>;
  /** Why setting the option has no effect; said as a notice when somebody sets it. */
  readonly noEffect?: string;
}

const described = new WeakSet<z.ZodType>();

/**
 * Says what an option is: `option("Port to listen on.", z.number().int().default(8000), { env: "DYN_HTTP_PORT" })`.
 * Like zod's own `.meta({ description, ...meta })`, with the metadata checked by the compiler and without
 * the copy of the schema that `.meta` makes: a schema instance can be one option only.
 */
export function option<T extends z.ZodType>(
  description: string,
  schema: T,
  meta: OptionMeta = {},
): T {
  if (described.has(schema))
    throw new TypeError(`"${description}": this schema is another option's.`);
  described.add(schema);
  z.globalRegistry.add(schema, { ...schema.meta(), description, ...meta });
  return schema;
}
