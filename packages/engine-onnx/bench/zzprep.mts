import { loadEmbeddingModel } from "../src/embedding/load-embedding-model.ts";
import { shapes } from "./models/shapes.ts";
import { writeCheckpoint } from "./models/write-checkpoint.ts";
import { writeGguf } from "./models/write-gguf.ts";

const f = "/tmp/dyn-embed-bench";
for (const [name, types] of [
  ["qwen3-0.6b", ["Q8_0"]],
  ["small", ["Q8_0", "BF16"]],
] as const) {
  const d = writeCheckpoint(`${f}/${name}`, shapes[name]);
  for (const t of types) await writeGguf(`${f}/${name}.${t}.gguf`, d, shapes[name], t);
  const m = await loadEmbeddingModel({
    modelDirectory: d,
    quantization: "q8",
    threadCount: 2,
    cacheDirectory: `${f}/cache`,
  });
  m.runner.release();
}
console.log("prepared");
