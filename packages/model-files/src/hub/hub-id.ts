import { HubError } from "./hub-error.ts";

const part = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/;

/** Throws unless `id` is `organisation/name` in the hub's spelling rules. */
export function checkHubId(id: string): void {
  const parts = id.split("/");
  const sound =
    parts.length === 2 &&
    parts.every((text) => part.test(text)) &&
    id.length <= 96 &&
    !id.includes("--") &&
    !id.includes("..") &&
    !id.endsWith(".git");
  if (sound) return;
  throw new HubError(
    "DYN_HUB_ID_INVALID",
    `"${id}" is neither a directory on this machine nor a hub id. A hub id is organisation/name, for example Qwen/Qwen3-0.6B; for a directory check the spelling of the path.`,
  );
}

/** Throws unless `revision` can be a branch, tag or commit. */
export function checkRevision(revision: string): void {
  const sound =
    /^[\w][\w./-]*$/.test(revision) && !revision.includes("..") && !revision.endsWith("/");
  if (sound && revision.length <= 200) return;
  throw new HubError(
    "DYN_HUB_ID_INVALID",
    `revision "${revision}" is not the name of a branch, a tag or a commit.`,
  );
}
