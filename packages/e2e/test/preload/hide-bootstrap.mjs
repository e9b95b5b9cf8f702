// Loaded before a prefill worker (--import): its card, on its way into file discovery, does not say where its KV can be met,
// as the cards of some workers do not. Such a worker is asked first, and says it in its answer.
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const { writeFile } = promises;

promises.writeFile = (path, content, ...more) => {
  const isCard = typeof content === "string" && content.includes('"disaggregated_endpoint"');
  const card = isCard ? content.replace(/"disaggregated_endpoint":\{[^}]*\},?/, "") : content;
  return writeFile(path, card, ...more);
};
syncBuiltinESMExports();
