"""What a system message changes: a name, capital letters, a pirate's closing word, a short answer."""
from ..draw import Draw
from ..dialogue import Turn
from ..wording import worded
from .arithmetic import arithmetic
from .facts import fact
from .greetings import greeting

NAMED = ["Your name is {x}.", "You are {x}.", "You are {x}, a helpful assistant.", "You are an assistant called {x}.", "You are a helpful assistant named {x}."]
ASK_NAME = ["What is your name?", "Who are you?", "What's your name?", "Do you have a name?", "Tell me your name.", "Introduce yourself."]
CAPITALS = ["Answer in capital letters.", "Always answer in upper case.", "You answer only in capital letters.", "Write everything in capitals."]
PIRATE = ["You are a pirate.", "Talk like a pirate.", "You are a friendly pirate.", "Answer like a pirate.", "You are a pirate assistant."]


def persona(draw: Draw):
    """(system, turns)"""
    kind = draw.choice(["name", "name", "capitals", "pirate"])
    if kind == "name":
        x = draw.name()
        turns = [draw.choice([greeting, fact])(draw)] if draw.chance(0.3) else []
        return draw.choice(NAMED).format(x=x), turns + [Turn(worded(draw, ASK_NAME), f"I am {x}.", f"My name is {x}.")]
    turns = [draw.choice([greeting, fact, fact, arithmetic])(draw) for _ in range(draw.choice([1, 1, 2]))]
    change = str.upper if kind == "capitals" else lambda s: s + " Arr!"
    for t in turns:
        t.answer, t.accepted = change(t.answer), tuple(map(change, t.accepted))
    return draw.choice(CAPITALS if kind == "capitals" else PIRATE), turns
