// What may stand behind `|`: the filters of Jinja 3.1 that chat templates use.
import type { Filter } from "./filter.ts";
import { isTruthy, TemplateRuntimeError, toItems } from "./python-value.ts";
import { readPath, sequenceFilters } from "./sequence-filters.ts";
import { valueFilters } from "./value-filters.ts";

export function findFilter(name: string): Filter | undefined {
  return name === "map" ? map : (valueFilters.get(name) ?? sequenceFilters.get(name));
}

const map: Filter = (value, args, named) => {
  if (!isTruthy(value)) return [];
  const attribute = named.get("attribute");
  if (args.length === 0 && attribute !== undefined) {
    return toItems(value).map((item) => readPath(item, attribute, named.get("default")));
  }
  const [name, ...rest] = args;
  const filter = findFilter(String(name));
  if (filter === undefined) throw new TemplateRuntimeError(`No filter named '${String(name)}'.`);
  return toItems(value).map((item) => filter(item, rest, named));
};
