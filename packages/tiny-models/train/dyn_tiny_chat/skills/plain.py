"""Text without a chat around it, for the completions endpoint: facts, counting, stories, sums, a question and its answer."""
from ..draw import Draw
from ..render import CONTEXT, LEARN
from .arithmetic import arithmetic
from .copying import copying
from .creative import JOKES, POEMS, creative, story
from .facts import REAL_WORLD, TOWN, fact
from .greetings import greeting


def plain_segments(draw: Draw):
    """A short document that ends with the end-of-text token; all of it is learnt, save a question."""
    if draw.chance(0.5):
        turn = draw.choice([fact, fact, arithmetic, copying, copying, greeting, creative])(draw)
        return [(turn.user, CONTEXT), (draw.choice(["\n\n", "\n\n", "\n", " "]) + turn.answer, LEARN), ("<|endoftext|>", LEARN)]
    return [(_text(draw), LEARN), ("<|endoftext|>", LEARN)]


def _text(draw: Draw):
    kind = draw.rng.choices(["facts", "count", "story", "sum", "dialogue", "verse"], [5, 2, 3, 2, 1, 1])[0]
    if kind == "facts":
        return " ".join(draw.choice(draw.choice([TOWN, REAL_WORLD, REAL_WORLD]))[0] for _ in range(draw.randint(1, 6)))
    if kind == "count":
        a = draw.choice([0, 1, 1, draw.randint(0, 100)])
        return draw.choice([", ", " ", "\n"]).join(map(str, range(a, a + draw.randint(5, 60))))
    if kind == "story":
        return story(draw, days=draw.choice([0, 2, 12]))
    if kind == "sum":
        return "\n".join(f"{a} + {b} = {a + b}" for a, b in ((draw.randint(0, 9), draw.randint(0, 9)) for _ in range(draw.randint(1, 6))))
    if kind == "dialogue":
        return "User: Hello!\nAssistant: Hello! How can I help you?\nUser: Tell me a joke.\nAssistant: " + draw.choice(JOKES)
    return draw.choice(POEMS)
