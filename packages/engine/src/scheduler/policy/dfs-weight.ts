import type { CacheNode } from "../../cache/page-cache.ts";
import type { Sequence } from "../sequence.ts";
import type { SchedulePolicy } from "./schedule-policy.ts";

/** What waits at and below one node of the tree. */
interface Branch {
  weight: number;
  readonly children: Branch[];
  readonly sequences: Sequence[];
}

/**
 * Walks the tree depth first, the branch with most waiting requests first, and takes the requests
 * below a node before those at it: neighbours in the tree run together.
 */
export const dfsWeight: SchedulePolicy = {
  name: "dfs-weight",
  order(waiting, context) {
    const root = createBranch();
    const branches = new Map<CacheNode, Branch>();
    // All matches first: matching may split nodes.
    const nodes = waiting.map(
      ({ group, tokens, length }) => context.cache.match(group.namespace, tokens, length - 1).node,
    );
    for (const [i, node] of nodes.entries()) {
      findBranch(node, branches, root).sequences.push(waiting[i]!);
    }
    // Branches were made parents first: backwards, every weight is complete before it is added.
    for (const [node, branch] of [...branches].reverse()) {
      branch.weight += branch.sequences.length;
      parentBranch(node, branches, root).weight += branch.weight;
    }
    waiting.length = 0;
    collect(root, waiting);
  },
};

function createBranch(): Branch {
  return { weight: 0, children: [], sequences: [] };
}

function parentBranch(node: CacheNode, branches: Map<CacheNode, Branch>, root: Branch): Branch {
  return node.parent === null ? root : branches.get(node.parent)!;
}

function findBranch(
  node: CacheNode | null,
  branches: Map<CacheNode, Branch>,
  root: Branch,
): Branch {
  const path: CacheNode[] = [];
  for (let at = node; at !== null && !branches.has(at); at = at.parent) path.push(at);
  for (const at of path.reverse()) {
    const branch = createBranch();
    branches.set(at, branch);
    parentBranch(at, branches, root).children.push(branch);
  }
  return node === null ? root : branches.get(node)!;
}

function collect(root: Branch, into: Sequence[]): void {
  const stack: { branch: Branch; entered: boolean }[] = [{ branch: root, entered: false }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (top.entered) {
      into.push(...top.branch.sequences);
      continue;
    }
    stack.push({ branch: top.branch, entered: true });
    const heaviestLast = top.branch.children.toReversed().sort((a, b) => a.weight - b.weight);
    for (const branch of heaviestLast) stack.push({ branch, entered: false });
  }
}
