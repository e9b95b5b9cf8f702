import {
  commandToMarkdown,
  frontendCommand,
  indexerCommand,
  launchCommand,
  routerCommand,
  workerCommand,
} from "@dyn/args";

/** The generated pages with where each belongs. */
export function referencePages(): ReadonlyMap<URL, string> {
  const page = (name: string): URL =>
    new URL(`../../../docs/reference/${name}.md`, import.meta.url);
  return new Map([
    [page("worker-flags"), commandToMarkdown(workerCommand)],
    [page("frontend-flags"), commandToMarkdown(frontendCommand)],
    [page("launch-flags"), commandToMarkdown(launchCommand)],
    [page("router-flags"), commandToMarkdown(routerCommand)],
    [page("indexer-flags"), commandToMarkdown(indexerCommand)],
  ]);
}
