// Sound forms by route: what OpenAI's clients send as multipart/form-data. Mutation starts from them.

export interface FormPart {
  readonly name: string;
  readonly value: string | Buffer;
  /** Absent: a plain field. */
  readonly fileName?: string;
  readonly type?: string;
}

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const wav = Buffer.concat([
  Buffer.from("RIFF\x2c\x00\x00\x00WAVEfmt \x10\x00\x00\x00", "latin1"),
  Buffer.alloc(24),
]);
const picture = (name: string): FormPart => ({
  name,
  value: png,
  fileName: "a.png",
  type: "image/png",
});
const field = (name: string, value: string): FormPart => ({ name, value });

const edit = [
  field("model", "painter"),
  field("prompt", "a lighthouse 🙂 e\u0301"),
  picture("image"),
];
const video = [field("model", "director"), field("prompt", "waves"), field("seconds", "4")];
const videos: readonly (readonly FormPart[])[] = [
  [...video, field("size", "1280x720")],
  [...video, picture("input_reference")],
  [...video, field("input_reference[image_url]", "https://example.org/a.png")],
  [...video, field("nvext", '{"seed":3,"annotations":["a"]}')],
];

export const seedForms: Readonly<Record<string, readonly (readonly FormPart[])[]>> = {
  "/v1/images/edits": [
    edit,
    [...edit, field("n", "2"), field("size", "512x512"), field("response_format", "b64_json")],
    [...edit, { name: "mask", value: Buffer.from("mask"), fileName: "m", type: "image/webp" }],
    [field("model", "painter"), field("prompt", "x"), picture("image[]"), field("user", "u")],
    [
      ...edit,
      field("nvext[seed]", "3"),
      field("nvext[negative_prompt]", "7"),
      field("nvext[annotations][]", "a"),
      field("nvext[annotations][]", "b"),
    ],
  ],
  "/v1/videos": videos,
  "/v1/videos/stream": videos,
};

/** For any route, also one that takes no form: a recording that is to be written down. */
export const anyForm: readonly (readonly FormPart[])[] = [
  [
    { name: "file", value: wav, fileName: "a.wav", type: "audio/wav" },
    field("model", "whisper-1"),
    field("language", "en"),
    field("temperature", "0.2"),
    field("timestamp_granularities[]", "word"),
    field("timestamp_granularities[]", "segment"),
    field("stream", "true"),
  ],
];
