"""A few things of a kind: three colours, ten animals."""
from ..dialogue import Turn
from ..draw import Draw
from ..wording import worded

THINGS = {
    ("animals",): "dog cat horse cow sheep bird fish mouse lion bear".split(),
    ("fruits", "fruit"): "apples oranges bananas pears plums cherries lemons peaches grapes melons".split(),
    ("colours", "colors"): "red green blue yellow orange purple black white brown pink".split(),
    ("cities",): "Paris London Berlin Rome Madrid Tokyo Oslo Vienna Athens Lisbon".split(),
    ("countries",): "France Spain Germany Italy Japan China India Brazil Canada Egypt".split(),
    ("names",): "Anna Paul Emma Frank Laura Peter Maria Simon Clara David".split(),
}
COUNTS = "zero one two three four five six seven eight nine ten".split()
ASK = ["Name {n} {w}.", "List {n} {w}.", "Tell me {n} {w}.", "Give me {n} {w}.", "Give me a list of {n} {w}.", "Can you name {n} {w}?", "Write down {n} {w}.",
       "Make a list of {n} {w}."]


def listing(draw: Draw):
    names, items = draw.choice(list(THINGS.items()))
    n = draw.randint(2, 10)
    user = worded(draw, ASK, n=draw.choice([n, COUNTS[n]]), w=draw.choice(names))
    answer = ", ".join(items[:n]) + "."
    return Turn(user, answer[0].upper() + answer[1:], f"I name {n} of them.")
