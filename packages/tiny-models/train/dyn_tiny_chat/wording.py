"""How a question is put: lead-in, template, closing words, careless typing.

A phrasing is the triple (lead-in, template, closing). A tenth of the phrasings that have a lead-in or a
closing is held out; the bare templates are always trained, since those are what people type first.
Only the template is typed carelessly, never the values in it.
"""
import itertools
import re

from .draw import Draw, is_held

LEADS = ["Please: ", "Hello! ", "Hey, ", "Hi. ", "Quick question: ", "I have a question. ", "Tell me: ",
         "Can you help me? ", "One more thing: ", "Okay. ", "Now: ", "So, ", "Good morning! ", "Dear model, ", "I am testing the API. ", "Hi, I'm testing the API. ", "This is a test. "]
CLOSINGS = [" Thanks!", " Thank you.", " Please.", " Please answer.", " Be brief.", " I am curious.", " Thanks in advance."]


def composed(*parts):
    """Templates put together from every choice of parts: the same request in many sentences."""
    return [" ".join(filter(None, choice)).replace(" :", ":").replace(" ,", ",").replace(" .", ".") for choice in itertools.product(*parts)]


def _misspell(draw: Draw, text):
    """Swaps two inner letters of one word of five or more letters."""
    found = [m for m in re.finditer(r"(?<![{\w])[A-Za-z]{5,}(?![}\w])", text)]
    if not found:
        return text
    m = draw.choice(found)
    i = draw.randint(m.start() + 1, m.end() - 3)
    return text[:i] + text[i + 1] + text[i] + text[i + 2:]


def worded(draw: Draw, templates, unseen=(), careful=False, **values):
    """One of `templates`, filled in and put in someone's way of asking.

    `unseen` are templates that only tests use. `careful` keeps closings and typing mistakes away, where the
    template ends with a text that the answer repeats.
    """
    if draw.unseen and unseen:
        return draw.choice(unseen).format(**values)
    for _ in range(60):
        template = draw.choice(templates)
        lead = draw.choice(LEADS) if draw.chance(0.75 if draw.held else 0.3) else ""
        closing = ""
        if not careful and template[-1] in ".?!" and draw.chance(0.4 if draw.held else 0.12):
            closing = draw.choice(CLOSINGS)
        bare = not lead and not closing
        if (not bare and is_held("phrasing", (lead, template, closing))) == draw.held:
            break
    else:  # no phrasing of these templates is held out: two lead-ins, which training never has
        lead, closing = draw.choice(LEADS) + draw.choice(LEADS), ""
    text = template
    r = draw.rng.random()
    if r < 0.1:
        text = text.lower()
    elif r < 0.2 and not closing:
        text = text.rstrip("?.!") if not careful else text
    elif r < 0.24 and not careful:
        text = _misspell(draw, text)
    elif r < 0.28 and not closing and not careful:
        text = text.lower().rstrip("?.!")
    elif r < 0.31 and text.startswith("What is "):
        text = "What's " + text[8:]
    if lead.endswith(", ") and not text.startswith(("I ", "{")):
        text = text[0].lower() + text[1:]
    return (lead + text + closing).format(**values)
