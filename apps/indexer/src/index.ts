export { parseEngines } from "./parse-engines.ts";
export { type RunningIndexer, startIndexer } from "./start-indexer.ts";
