"""Finding one entry in a long list or one sentence in a long text, up to 3.5k tokens."""
from ..dialogue import Turn
from ..draw import Draw
from ..wording import worded
from ..words import CITIES, COLOURS, FOODS, NOUNS

# (statement, questions); k a number, n a name, v a number, w a noun
FORMS = [
    ("Box {k} holds {v}.", ["What does box {k} hold?", "Box {k}?", "What is in box {k}?", "What number is in box {k}?", "Which number does box {k} hold?",
                            "Tell me what box {k} holds."]),
    ("The code of room {k} is {v}.", ["What is the code of room {k}?", "Code of room {k}?", "Tell me the code of room {k}.", "Which code has room {k}?"]),
    ("Locker {k} contains the {w}.", ["What does locker {k} contain?", "What is in locker {k}?", "Locker {k}?", "What can I find in locker {k}?"]),
    ("Key {k} opens door {v}.", ["Which door does key {k} open?", "What does key {k} open?", "Key {k}?"]),
    ("{n} has number {v}.", ["What number does {n} have?", "Number of {n}?", "Which number has {n}?", "What is the number of {n}?"]),
    ("{n} likes the {w}.", ["What does {n} like?", "What is it that {n} likes?", "Tell me what {n} likes."]),
    ("{n} lives in {c}.", ["Where does {n} live?", "In which city does {n} live?", "Which city does {n} live in?"]),
    ("{n} eats {f}.", ["What does {n} eat?", "Which food does {n} eat?"]),
]
SECRETS = [
    ("The secret word is {w}.", ["What is the secret word?", "Tell me the secret word.", "Which word is the secret word?"]),
    ("The magic number is {v}.", ["What is the magic number?", "Tell me the magic number.", "Which number is the magic number?"]),
    ("The password is {w}.", ["What is the password?", "Tell me the password."]),
    ("The name of the captain is {n}.", ["What is the name of the captain?", "What is the captain called?"]),
    ("The flag is {o}.", ["What colour is the flag?", "Which colour has the flag?"]),
]
BEFORE = ["", "Here are some facts.\n", "Read these facts:\n", "Facts:\n", "Remember this list:\n", "List:\n", "Read this text.\n\n", "Context:\n", "Notes: "]
AFTER = ["", "Question: ", "Now tell me: ", "Using the facts above: ", "According to the list: "]
UNSEEN_AFTER = ["I lost track. ", "Look at what I wrote and answer: "]
ABSENT = "The list does not say that."


def _entries(draw: Draw, form, count):
    """`count` facts of one form with different keys; the keys and values lie on this side of the split."""
    if "{n}" in form:
        keys = set()
        while len(keys) < count:
            keys.add(draw.name() if len(keys) < 70 else draw.pseudo(2, 4).capitalize())
        keys = sorted(keys)
        draw.rng.shuffle(keys)
    else:
        keys = draw.sample(range(1, 100 if count < 60 and draw.chance(0.7) else 500), count)
    return [dict(k=k, n=k, v=draw.number(1000, 9999) if draw.chance(0.8) else draw.number(1, 99999), w=draw.choice(NOUNS), c=draw.choice(CITIES),
                 f=draw.choice(FOODS)) for k in keys]


def _absent_key(draw: Draw, form, entries):
    have = {e["k"] for e in entries}
    while True:
        k = draw.name() if "{n}" in form else draw.randint(1, 500)
        if k not in have:
            return k


def _count(draw: Draw):
    return draw.randint(100, 230) if draw.chance(0.06) else round(2 ** draw.rng.uniform(1, 6.6))


def _ask(draw: Draw, questions, entry):
    return worded(draw, questions, careful=True, **entry)


def look_up(draw: Draw, count=None, missing=None, turns=None):
    """A list in the first message, then one to four questions about it."""
    form, questions = FORMS[0] if count else draw.choice(FORMS)
    count = count or _count(draw)
    entries = _entries(draw, form, min(count, 60) if "{n}" in form else count)
    separator = draw.choice(["\n", " ", "\n- "])
    body = separator.join(form.format(**e) for e in entries)
    if separator == "\n- ":
        body = "- " + body
    out = []
    for i in range(turns or draw.choice([1, 1, 2, 4])):
        if draw.chance(0.15) if missing is None else missing:
            key = _absent_key(draw, form, entries)
            turn = Turn(_ask(draw, questions, dict(k=key, n=key)), ABSENT, "The list has no such entry.")
        else:
            e = draw.choice(entries)
            answer = form.format(**e)
            turn = Turn(_ask(draw, questions, e), answer, f"I look in the list: {answer}")
        if i == 0:
            turn.user = _around(draw, body, separator, turn.user)
        out.append(turn)
    return out


def _around(draw: Draw, body, separator, question):
    gap = "\n" if "\n" in separator else draw.choice(["\n", "\n\n", " "])
    after = draw.choice(UNSEEN_AFTER if draw.unseen else AFTER)
    if draw.chance(0.12):
        return f"{after}{question}\n{body}"
    return draw.choice(BEFORE) + body + gap + after + question


def needle(draw: Draw):
    """One or a few facts hidden in sentences that mean nothing."""
    n = round(2 ** draw.rng.uniform(1, 6))
    lines = [draw.sentence() for _ in range(n)]
    hidden = draw.sample(SECRETS, draw.choice([1, 1, 2, 3]))
    values = dict(w=draw.choice(NOUNS), v=draw.number(100, 99999), n=draw.name(), o=draw.choice(COLOURS))
    for form, _ in hidden:
        lines.insert(draw.randint(0, len(lines)), form.format(**values))
    form, questions = draw.choice(hidden)
    answer = form.format(**values)
    user = _around(draw, " ".join(lines), " ", _ask(draw, questions, values))
    return [Turn(user, answer, f"I look in the text: {answer}")]
