// Seeded texts of many kinds: what people write, what programs write, and what breaks tokenizers.

export type Random = () => number;

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const WORDS =
  "the of and to in is you that it he was for on are with as his they be at one have this from or had by hot word but what some we can out other were all there when up use your how said an each she which do their time if will way about many then them write would like so these her long make thing see him two has look more day could go come did number sound no most people my over know water than call first who may down side been now find tokenizer Tokenization INTERNATIONALIZATION don't I'm they'll we've it's You'RE isn't O'Neill naïve café Straße Ελλάδα ΑΣ Москва 東京 北京 안녕하세요 שלום مرحبا हिन्दी ภาษาไทย İstanbul ǅ ﬁne ½ Ⅷ ①②③ x86_64 snake_case camelCase HTTPServer 3.14159 1,000,000 2024-01-31 0xDEADBEEF 007 १२३ ١٢٣".split(
    " ",
  );
const CODE = [
  "for (let i = 0; i < n; i++) {\n\tsum += a[i];\n}\n",
  "def f(x: int) -> str:\n    return f'{x!r}'\n\n\n",
  "SELECT * FROM t WHERE a >= 10 AND b != 'x';",
  '<div class="a b">&nbsp;</div>\r\n',
  "#include <stdio.h>\r\nint main(){return 0;}\r\n",
  '{"a":[1,2.5e-3,null,true],"b":"\\u00e9\\n"}',
  "```ts\nconst x = y?.z ?? 0;\n```\n",
  "| a | b |\n|---|:-:|\n",
  "https://example.org/a/b?c=d&e=%20#f",
  "'s 't 're 've 'm 'll 'd 'S 'T 'Re 'LL 'ſ 'K don\u2019t",
  "//////////======------______",
];
const SPACES = [
  " ",
  "  ",
  "    ",
  "\t",
  "\n",
  "\r\n",
  "\n\n",
  " \n ",
  "\u00a0",
  "\u2003",
  "\u3000",
  "\u0085",
  "\u2028",
  "\u200b",
  "\ufeff",
  "\u180e",
  "\v",
  "\f",
];
const EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🫠", "☃", "𝒳", "𓀀", "🀄"];
const ODD = [
  "\ud800",
  "\udfff",
  "\udc00\ud800",
  "\ufffd",
  "\u0000",
  "\u0001",
  "\u007f",
  "e\u0301",
  "a\u0327\u0301",
  "\u0301",
  "ﬃ",
  "Å",
  "각",
  "가",
  "\u0d4d",
  "क्‍ष",
  "\u202e",
  "▁",
  "▁▁",
  "##",
  "<0x41>",
  "Ġ",
  "Ċ",
  "ſ",
  "K",
  "İ",
  "ß",
  "ǆ",
  "ͅ",
  "ﷺ",
  "²",
  "\u2044",
];

/** `tokens`: added tokens of the family, which then turn up in the texts. */
export function createTextGenerator(seed: number, tokens: readonly string[]): () => string {
  const random = createRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const parts: (() => string)[] = [
    () => pick(WORDS),
    () => ` ${pick(WORDS)}`,
    () => ` ${pick(WORDS)}`,
    () => ` ${pick(WORDS)}`,
    () => pick(CODE),
    () => pick(SPACES).repeat(1 + Math.floor(random() ** 3 * 9)),
    () => pick(EMOJI),
    () => pick(ODD),
    () =>
      pick([
        ".",
        ",",
        "!",
        "?",
        ":",
        ";",
        "…",
        "—",
        "(",
        ")",
        "“",
        "”",
        "'",
        '"',
        "-",
        "_",
        "*",
        "。",
        "،",
      ]),
    () => String(Math.floor(random() * 10 ** (1 + Math.floor(random() * 9)))),
    () =>
      String.fromCodePoint(
        ...Array.from({ length: 1 + Math.floor(random() * 4) }, () => randomCodePoint(random)),
      ),
    () =>
      pick(["a", "A", "ab", "aA", "é", "ん", " ", "=", "\n"]).repeat(
        1 + Math.floor(random() ** 4 * 200),
      ),
    () =>
      tokens.length === 0
        ? ""
        : pick([
            pick(tokens),
            ` ${pick(tokens)} `,
            pick(tokens).slice(0, -1),
            pick(tokens).toUpperCase(),
          ]),
  ];
  return () => {
    const count = 1 + Math.floor(random() ** 2 * 24);
    let text = "";
    for (let i = 0; i < count; i++) text += pick(parts)();
    return text;
  };
}

/** Any code unit below 0x3100 half of the time, else any code point, surrogates too. */
export function randomCodePoint(random: Random): number {
  return Math.floor(random() * (random() < 0.5 ? 0x3100 : 0x110000));
}
