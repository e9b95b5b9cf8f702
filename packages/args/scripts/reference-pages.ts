import {
  commandToMarkdown,
  frontendCommand,
  indexerCommand,
  launchCommand,
  routerCommand,
  workerCommand,
} from "@dyn/args";
import { disaggConfig } from "./disagg-config.ts";

/** The generated pages with where each belongs. */
export function referencePages(): ReadonlyMap<URL, string> {
  const page = (name: string): URL =>
    new URL(`../../../docs/reference/${name}.md`, import.meta.url);
  const schema = (name: string): URL =>
    new URL(`../../../docs/reference/schemas/v1/${name}.json`, import.meta.url);
  const { schema: disaggSchema, ...examples } = disaggConfig;
  return new Map([
    [page("worker-flags"), commandToMarkdown(workerCommand)],
    [page("frontend-flags"), commandToMarkdown(frontendCommand)],
    [page("launch-flags"), commandToMarkdown(launchCommand)],
    [page("router-flags"), commandToMarkdown(routerCommand)],
    [page("indexer-flags"), commandToMarkdown(indexerCommand)],
    [schema("disagg-config"), toText(disaggSchema)],
    [schema("examples/disagg-config"), toText(examples)],
  ]);
}

function toText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
