"""Facts the user tells about themselves and asks for later, some turns or one sentence further on."""
from ..dialogue import Turn
from ..draw import Draw
from ..wording import worded
from ..words import CITIES, COLOURS, FOODS, JOBS, PETS
from .arithmetic import arithmetic
from .copying import copying
from .facts import fact
from .greetings import greeting
from .spelling import upper

# what, drawing a value, tellings, reply, questions, answer, answer when it was never told
THINGS = [
    ("name", lambda d: d.name(), ["My name is {x}.", "I am {x}.", "Hi, my name is {x}.", "Hello, I'm {x}.", "Call me {x}.", "I'm {x}.", "Hello! My name is {x}.",
                                  "You can call me {x}.", "My name's {x}"],
     "Hello {x}! How can I help you?", ["What is my name?", "Do you remember my name?", "What was my name?", "What's my name?", "Do you know my name?",
                                        "Tell me my name.", "Who am I?", "Say my name."],
     "Your name is {x}.", "You have not told me your name."),
    ("city", lambda d: d.choice(CITIES) if d.chance(0.7) else d.title(), ["I live in {x}.", "My home is {x}.", "I come from {x}.", "I am from {x}."],
     "{x} is a nice place.", ["Where do I live?", "Which city do I live in?", "Do you remember my city?", "Where am I from?"],
     "You live in {x}.", "You have not told me where you live."),
    ("colour", lambda d: d.choice(COLOURS), ["My favourite colour is {x}.", "My favorite color is {x}.", "I like the colour {x} best.", "I love the colour {x}."],
     "{x} is a good colour.", ["What is my favourite colour?", "What is my favorite color?", "Which colour do I like?"],
     "Your favourite colour is {x}.", "You have not told me your favourite colour."),
    ("pet", lambda d: d.choice(PETS), ["I have a {x}.", "My pet is a {x}.", "I own a {x}."], "A {x} is a fine pet.",
     ["What pet do I have?", "Which pet do I have?", "What animal do I have?"], "You have a {x}.", "You have not told me about a pet."),
    ("number", lambda d: str(d.number(100, 99999)), ["My number is {x}.", "Remember the number {x}.", "The number is {x}.", "Please remember the number {x}."],
     "I will remember {x}.", ["What was the number?", "Which number did I tell you?", "What is my number?", "What number did I tell you?"],
     "The number is {x}.", "You have not told me a number."),
    ("age", lambda d: str(d.randint(5, 99)), ["I am {x} years old.", "I'm {x} years old.", "My age is {x}."], "{x} is a good age.",
     ["How old am I?", "What is my age?"], "You are {x} years old.", "You have not told me your age."),
    ("job", lambda d: d.choice(JOBS), ["I work as a {x}.", "My job is {x}.", "I am a {x} by profession."], "Being a {x} sounds interesting.",
     ["What is my job?", "What do I do for a living?"], "You work as a {x}.", "You have not told me your job."),
    ("food", lambda d: d.choice(FOODS), ["My favourite food is {x}.", "I love to eat {x}.", "My favorite food is {x}."], "That sounds tasty.",
     ["What is my favourite food?", "What is my favorite food?", "What do I love to eat?"], "Your favourite food is {x}.", "You have not told me your favourite food."),
]
UNSEEN_QUESTIONS = dict(name=["By the way, have you kept my name in mind?"])
BETWEEN = [greeting, fact, arithmetic, arithmetic, copying, upper]


def _in_one_message(draw: Draw):
    """A fact and the question about it in the same message."""
    what, value, tell, _, ask, answer, _ = draw.choice(THINGS)
    x = value(draw)
    user = draw.choice(tell).format(x=x)
    user += ("" if user[-1] in ".!" else ".") + " " + worded(draw, ask)
    return [Turn(user, answer.format(x=x), answer.format(x=x))]


def memory(draw: Draw, gap=None, only_name=False):
    """Facts about the user, `gap` other turns, then questions about them."""
    if gap is None and draw.chance(0.12):
        return _in_one_message(draw)
    told = [THINGS[0]] if only_name else draw.sample(THINGS, draw.choice([1, 1, 2, 3]))
    turns, values = [], {}
    for what, value, tell, reply, *_ in told:
        x = values[what] = value(draw)
        answer = reply.format(x=x)
        turns.append(Turn(worded(draw, tell, x=x), answer[0].upper() + answer[1:], f"The user tells me the {what}."))
    for _ in range(draw.choice([0, 0, 1, 1, 2, 3]) if gap is None else gap):
        turns.append(draw.choice(BETWEEN)(draw))
    asked = [t for t in told if draw.chance(0.7)] or told[:1]
    if not only_name and draw.chance(0.12):
        asked = [draw.choice([t for t in THINGS if t not in told])]
    for what, _, _, _, ask, answer, absent in asked:
        text = answer.format(x=values[what]) if what in values else absent
        thought = text if what in values else "The user has not said that."
        turns.append(Turn(worded(draw, ask, UNSEEN_QUESTIONS.get(what, ())), text, thought))
    return turns


def never_told(draw: Draw):
    """A question about the user in the first message."""
    *_, ask, _, absent = draw.choice(THINGS)
    return Turn(worded(draw, ask), absent, "The user has not said that.")
