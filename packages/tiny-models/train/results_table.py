"""Writes the accuracy table of the package's README from results.json.

    python results_table.py RESULTS.json README.md
"""
import json
import sys

BEGIN, END = "<!-- accuracy: written by train/results_table.py -->", "<!-- end of accuracy -->"


def table(tests):
    cells = {}
    for t in tests:
        cells.setdefault(t["test"], {})[t["thinking"]] = t
    lines = ["| skill | thinking off | thinking on | prompt tokens, mean |", "|---|---|---|---|"]
    mark = lambda t: f"**{t['right']}**" if t["gated"] and t["right"] < 90 else str(t["right"])
    for name, c in cells.items():
        lines.append(f"| {name} | {mark(c[False])} | {mark(c[True])} | {c[False]['prompt_tokens']} |")
    return "\n".join(lines)


def main():
    with open(sys.argv[1]) as f:
        tests = json.load(f)["tests"]
    with open(sys.argv[2]) as f:
        text = f.read()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    gated, other = table([t for t in tests if t["gated"]]), table([t for t in tests if not t["gated"]])
    with open(sys.argv[2], "w") as f:
        f.write(f"{head}{BEGIN}\n\n{gated}\n\nBeyond the promise, not gated: wordings that no training document has, and lengths near the edge.\n\n{other}\n\n{END}{tail}")


if __name__ == "__main__":
    main()
