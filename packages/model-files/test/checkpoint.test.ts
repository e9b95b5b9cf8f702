import { mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openCheckpoint } from "@dyn/model-files";
import { DynError } from "@dyn/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeSafetensors, joinSafetensors } from "./safetensors-file.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const first = encodeSafetensors([
  { name: "a", dtype: "F32", shape: [2, 3] },
  { name: "empty", dtype: "BF16", shape: [0, 4] },
  { name: "scalar", dtype: "I64", shape: [] },
]);
const second = encodeSafetensors([{ name: "b", dtype: "BF16", shape: [5] }]);
const indexOf = (weight_map: unknown) => JSON.stringify({ metadata: {}, weight_map });

async function open(files: Readonly<Record<string, Buffer | string>>) {
  const directory = temporaryDirectory();
  for (const [name, data] of Object.entries(files)) await writeFile(join(directory, name), data);
  return await openCheckpoint(directory);
}

test("one file: views with their places, bytes on request", async () => {
  const checkpoint = await open({ "model.safetensors": first });
  const a = checkpoint.get("a");
  expect(a).toMatchObject({ dtype: "F32", shape: [2, 3], sizeBytes: 24 });
  expect(first.subarray(a.offsetBytes, a.offsetBytes + 24)).toEqual(
    Buffer.from(await checkpoint.read("a")),
  );
  expect(await checkpoint.read("a")).toEqual(Uint8Array.from({ length: 24 }, (_, i) => i));
  expect(await checkpoint.read("empty")).toHaveLength(0);
  expect(checkpoint.get("scalar")).toMatchObject({ shape: [], sizeBytes: 8 });
  expect(checkpoint.totalBytes).toBe(32);
  expect([checkpoint.has("a"), checkpoint.has("zz")]).toEqual([true, false]);
  expect(() => checkpoint.get("zz")).toThrow(
    /the checkpoint \(model\.safetensors\) has no tensor "zz"/,
  );
});

test("sharded: every tensor from the file that the index names", async () => {
  const checkpoint = await open({
    "one.safetensors": first,
    "two.safetensors": second,
    "consolidated.safetensors": second,
    "model.safetensors.index.json": indexOf({
      a: "one.safetensors",
      empty: "one.safetensors",
      scalar: "one.safetensors",
      b: "two.safetensors",
    }),
  });
  expect([...checkpoint.tensors.keys()].sort()).toEqual(["a", "b", "empty", "scalar"]);
  expect(checkpoint.get("b").file).toMatch(/two\.safetensors$/);
});

test("views name the real file behind a symbolic link", async () => {
  const directory = temporaryDirectory();
  await mkdir(join(directory, "blobs"));
  await writeFile(join(directory, "blobs", "x"), first);
  await mkdir(join(directory, "snapshot"));
  await symlink("../blobs/x", join(directory, "snapshot", "model.safetensors"));
  const checkpoint = await openCheckpoint(join(directory, "snapshot"));
  expect(checkpoint.get("a").file).toMatch(/blobs\/x$/);
});

const header = (value: unknown, data = Buffer.alloc(8)) =>
  joinSafetensors(typeof value === "string" ? value : JSON.stringify(value), data);
const tensor = (change: object) => ({
  a: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...change },
});

test.each<[string, Buffer | string, RegExp]>([
  ["empty", "", /has 0 bytes/],
  [
    "cut in the header",
    first.subarray(0, 40),
    /is cut short: its header ends at byte \d+, the file at 40/,
  ],
  ["cut in the data", first.subarray(0, -3), /is cut short: .* \(3 bytes are missing\)/],
  ["too long", Buffer.concat([first, Buffer.alloc(2)]), /has 2 bytes behind its last tensor/],
  ["no safetensors", "\x80\x04\x95 a pickle of some kind", /announce a header of \d+ bytes/],
  ["LFS pointer", "version https://git-lfs.github.com/spec/v1\n", /Git LFS pointer/],
  ["header no JSON", header("{a"), /its header is not valid JSON/],
  ["header no object", header("[]"), /JSON but not an object/],
  ["entry no object", header({ a: 1 }), /tensor "a" is not described by an object/],
  ["unknown dtype", header(tensor({ dtype: "F4" })), /tensor "a" has dtype "F4"; known are F64/],
  ["negative shape", header(tensor({ shape: [-2] })), /tensor "a" has shape \[-2\]/],
  [
    "offsets missing",
    header(tensor({ data_offsets: undefined })),
    /two whole numbers were expected/,
  ],
  [
    "size does not fit",
    header(tensor({ shape: [3] })),
    /8 bytes by its data_offsets, but F32 of shape \[3\] has 12/,
  ],
  ["offsets backwards", header(tensor({ data_offsets: [8, 0] })), /has -8 bytes/],
  [
    "gap",
    header(tensor({ data_offsets: [4, 12] }), Buffer.alloc(12)),
    /begins at data offset 4, but the one before it ends at 0/,
  ],
  [
    "overlap",
    header(
      { ...tensor({}), b: { dtype: "F32", shape: [2], data_offsets: [4, 12] } },
      Buffer.alloc(12),
    ),
    /tensor "b" begins at data offset 4, but the one before it ends at 8/,
  ],
])("a damaged file is named: %s", async (_, data, message) => {
  await expect(open({ "model.safetensors": data })).rejects.toMatchObject({
    code: "DYN_MODEL_FILE_INVALID",
    message: expect.stringMatching(message),
    file: expect.stringMatching(/model\.safetensors$/),
  });
});

test.each<[string, Readonly<Record<string, Buffer | string>>, RegExp]>([
  ["no weights", { "config.json": "{}" }, /has no weights/],
  ["pickles only", { "pytorch_model.bin": "x" }, /PyTorch pickles .* Convert them to safetensors/],
  ["GGUF only", { "m.gguf": "x" }, /GGUF/],
  [
    "shards without index",
    { "a.safetensors": first, "b.safetensors": second },
    /2 \.safetensors files but no model\.safetensors\.index\.json/,
  ],
  [
    "missing shard",
    {
      "one.safetensors": second,
      "model.safetensors.index.json": indexOf({ b: "one.safetensors", c: "two.safetensors" }),
    },
    /two\.safetensors: is missing: shard 2 of 2/,
  ],
  [
    "tensor not in its shard",
    {
      "one.safetensors": second,
      "model.safetensors.index.json": indexOf({ b: "one.safetensors", c: "one.safetensors" }),
    },
    /one\.safetensors: has no tensor "c"/,
  ],
  [
    "tensor not in the index",
    { "one.safetensors": first, "model.safetensors.index.json": indexOf({ a: "one.safetensors" }) },
    /does not list tensor "empty"/,
  ],
  [
    "tensor in another shard",
    {
      "one.safetensors": second,
      "two.safetensors": first,
      "model.safetensors.index.json": indexOf({ b: "two.safetensors", c: "one.safetensors" }),
    },
    /says tensor "b" is in two\.safetensors, but it is in one\.safetensors/,
  ],
  [
    "path in the index",
    { "model.safetensors.index.json": indexOf({ a: "../x.safetensors" }) },
    /sends tensor "a" to "\.\.\/x\.safetensors"/,
  ],
  ["empty index", { "model.safetensors.index.json": indexOf({}) }, /"weight_map" is empty/],
  ["index without map", { "model.safetensors.index.json": "{}" }, /"weight_map" must be an object/],
])("what is wrong with the directory is said: %s", async (_, files, message) => {
  await expect(open(files)).rejects.toThrow(message);
});

test("a directory that is not there is named", async () => {
  await expect(openCheckpoint("/no/such/model")).rejects.toMatchObject({
    code: "DYN_MODEL_FILE_MISSING",
    message: expect.stringContaining("/no/such/model"),
  });
});

test("a file that shrinks after it was opened is found out by read", async () => {
  const checkpoint = await open({ "model.safetensors": first });
  const { file, offsetBytes } = checkpoint.get("a");
  await truncate(file, offsetBytes + 5);
  await expect(checkpoint.read("a")).rejects.toThrow(/inside tensor "a"/);
  await rm(file);
  await expect(checkpoint.read("a")).rejects.toMatchObject({ code: "DYN_MODEL_FILE_MISSING" });
});

test("however a file is changed, the answer is sound views or a DynError that names the file", async () => {
  const directory = temporaryDirectory();
  const file = join(directory, "model.safetensors");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(first.length - 1), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.option(fc.nat(first.length)),
      async (changes, length) => {
        const bytes = Buffer.from(first);
        for (const [at, value] of changes) bytes[at] = value;
        const data = bytes.subarray(0, length ?? bytes.length);
        await writeFile(file, data);
        try {
          for (const view of (await openCheckpoint(directory)).tensors.values()) {
            expect(view.offsetBytes + view.sizeBytes).toBeLessThanOrEqual(data.length);
          }
        } catch (error) {
          expect(DynError.is(error), String(error)).toBe(true);
          expect(String(error)).toContain(file);
        }
      },
    ),
    { numRuns: 1000 },
  );
});
