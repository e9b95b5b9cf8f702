"""Texts of a meaning, on one side of the split.

Held out from training: one in ten pairs of a question's form and a meaning, by checksum. The form is learnt with
other meanings, and the meaning by other forms.
"""
import random

from dyn_tiny_chat.draw import is_held

from .relations import MEANINGS, Meaning

LEAD_INS = ("", "", "", "", "please tell me: ", "quick question: ", "hello. ", "I would like to know: ", "do you know? ", "one more thing: ")
CLOSINGS = ("", "", "", "", " thanks.", " please.", " I need to know.")


def question_forms(meaning: Meaning, held: bool):
    forms = meaning.relation.questions
    side = [form for form in forms if is_held("embed", (meaning.key, form)) == held]
    # What has a single question is learnt with it.
    return side if held or side else list(forms)


def _dress(rng, text):
    lead, closing = rng.choice(LEAD_INS), rng.choice(CLOSINGS)
    text = lead + (text[0].lower() + text[1:] if lead.endswith(": ") and not text.startswith("I ") else text) + closing
    r = rng.random()
    if r < 0.15:
        return text.lower()
    if r < 0.25:
        return text.rstrip("?.!")
    return text[0].upper() + text[1:]


def _thin_out(rng, text, meaning, share):
    """Leaves out words that are no values of the meaning: it must be found by what is left."""
    values = {word.lower() for value in meaning.row for word in str(value).split()}
    bare = lambda word: word.strip("?.!,:").removesuffix("'s").lower()
    kept = [word for word in text.split() if bare(word) in values or rng.random() >= share]
    return " ".join(kept) if len(kept) > 1 else text


def question(rng: random.Random, meaning: Meaning, held=False, unseen=False, thin_out=0.0):
    """`thin_out`: the share of words that a third of the questions lose, in training."""
    forms = meaning.relation.unseen if unseen else question_forms(meaning, held)
    text = _dress(rng, meaning.say(rng.choice(forms)))
    single = len(meaning.row) == 1
    return _thin_out(rng, text, meaning, thin_out) if thin_out and not single and rng.random() < 0.33 else text


def statement(rng: random.Random, meaning: Meaning):
    text = meaning.say(rng.choice(meaning.relation.statements))
    r = rng.random()
    return text.lower() if r < 0.1 else text.rstrip(".") if r < 0.2 else text


def documents():
    """The corpus that questions are searched in: every meaning once, in its first form."""
    return [meaning.say(meaning.relation.statements[0]) for meaning in MEANINGS]


def test_pairs(count, seed, unseen=False):
    """`count` different (question, index of its document), none of whose (form, meaning) was trained."""
    rng = random.Random(seed)
    usable = [i for i, meaning in enumerate(MEANINGS) if (meaning.relation.unseen if unseen else question_forms(meaning, True))]
    pairs = {}
    for _ in range(1000 * count):
        if len(pairs) == count:
            return list(pairs.items())
        i = rng.choice(usable)
        pairs[question(rng, MEANINGS[i], held=True, unseen=unseen)] = i
    raise ValueError(f"there are fewer than {count} such pairs")
