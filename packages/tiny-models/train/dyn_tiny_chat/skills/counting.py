"""Counting up and down, and numbered lists: the long answers with which people try streaming."""
from ..dialogue import Turn
from ..draw import Draw
from ..wording import composed, worded

UP = ["Count from {a} to {b}.", "Please count from {a} to {b}.", "List the numbers from {a} to {b}.", "Count from {a} up to {b}.",
      "Write the numbers from {a} to {b}.", "Write all numbers from {a} to {b}.", "Can you count from {a} to {b}?", "Numbers from {a} to {b}, please."]
MORE_UP = composed(["Count", "Say the numbers", "List the numbers", "List every number", "Name the numbers", "Write out the numbers", "Give me the numbers", "Give me all numbers",
                    "Show the numbers", "Print all integers", "Enumerate the numbers", "Type the numbers", "I want the numbers", "I need every number"],
                   ["from {a} to {b}", "from {a} up to {b}", "from {a} through {b}", "starting at {a} and ending at {b}", "beginning with {a} and stopping at {b}"],
                   [".", ", please.", ", one after another.", "in order.", ", separated by commas."])
UP_FROM_ONE = ["Count to {b}.", "Please count to {b}.", "Can you count to {b}?", "Count up to {b}."]
DOWN = ["Count down from {b} to {a}.", "Count backwards from {b} to {a}.", "Count from {b} down to {a}."]
LINES = ["Write a numbered list with {b} lines.", "Recite a numbered list of {b} items.", "Make a numbered list of {b} items.",
         "Write {b} numbered lines.", "Give me a numbered list with {b} entries."]
UNSEEN = ["Say every number between {a} and {b}, both included."]


def counting(draw: Draw):
    """Ranges of up to 200 numbers; the pair of ends is held out."""
    form = "up" if draw.unseen else draw.choice(["up", "up", "up", "one", "down", "lines"])
    def ends():
        a = 1 if form in ("one", "lines") or draw.chance(0.5) else draw.choice([0, draw.randint(0, 120)])
        n = draw.randint(2, 30) if draw.chance(0.75) else draw.randint(30, 100) if draw.chance(0.8) else draw.randint(100, 199)
        if draw.chance(0.1):
            n = draw.choice([10, 20, 50, 100, 200]) - a
        n = min(n, 60) if form == "lines" else n
        return a, a + max(n, 1)
    a, b = draw.split("range", ends, lambda x: (x, form))
    numbers = list(range(a, b + 1))
    if form == "lines":
        return Turn(worded(draw, LINES, b=b), "\n".join(f"{n}. Line {n}" for n in numbers), f"I write {b} lines.")
    if form == "down":
        return Turn(worded(draw, DOWN, a=a, b=b), ", ".join(map(str, reversed(numbers))), f"I count from {b} down to {a}.")
    user = worded(draw, UP_FROM_ONE, b=b) if form == "one" else worded(draw, UP if draw.chance(0.6) else MORE_UP, UNSEEN, a=a, b=b)
    return Turn(user, ", ".join(map(str, numbers)), f"I count from {a} to {b}.")
