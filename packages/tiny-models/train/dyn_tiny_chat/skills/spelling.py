"""Letters of a word: reversed, in capitals, in small letters, one by one."""
from ..dialogue import Turn
from ..draw import Draw
from ..wording import composed, worded

REVERSE = ["Reverse the word {t}", "Reverse: {t}", "Write {t} backwards.", "Reverse the word \"{t}\".", "What is {t} backwards?", "Spell {t} in reverse.",
           "Please reverse {t}", "Reverse the string \"{t}\"", "Reverse {t}", "What is the reverse of {t}?", "Spell {t} backwards"]
UPPER = ["Write {t} in upper case.", "Upper-case: {t}", "Make this upper case: {t}", "Write in capital letters: {t}", "Uppercase \"{t}\"", "Put {t} in capitals.",
         "Convert to upper case: {t}", "Uppercase {t}", "Convert \"{t}\" to uppercase.", "Write \"{t}\" in all caps.", "Capitalize every letter of {t}"]
LOWER = ["Write {t} in lower case.", "Lower-case: {t}", "Lowercase {t}", "Convert to lower case: {t}", "Convert \"{t}\" to lowercase."]
SPELL = ["Spell {t}", "Spell the word {t}.", "How do you spell {t}?", "Spell out {t}", "Spell the word \"{t}\""]
MORE_REVERSE = composed(["Reverse", "Flip", "Mirror", "Invert", "Please reverse", "Can you reverse", "I want you to reverse"],
                        ["the letters of", "the letters in", "the order of the letters in", "the characters of", "the word", "the string", "the text"],
                        ["{t}", "\"{t}\"", ": {t}"])
MORE_REVERSE += composed(["Write", "Spell", "Say", "Type", "Print", "Read", "Show", "Give me"], ["{t}", "\"{t}\"", "the word {t}"],
                         ["backwards", "in reverse", "in reverse order", "from back to front", "from right to left", "from the last letter to the first"])
CAPITALS = ["in capitals", "in capital letters", "in upper case", "in uppercase", "in all caps", "in block letters", "with capital letters only"]
SMALL = ["in small letters", "in lower case", "in lowercase", "without capitals", "with small letters only"]
SHOWN = composed(["Write", "Put", "Print", "Give me", "Say", "Show", "Type", "Repeat", "Return", "Please write", "Can you write", "I want you to write"],
                 ["this", "the following", "these words", "the text", "the next words"])
MORE_UPPER = composed(SHOWN, CAPITALS, [": {t}"]) + composed(["Change", "Convert", "Turn", "Switch", "Transform"], ["{t}", "\"{t}\""], ["to", "into"],
                                                             ["capitals", "capital letters", "upper case", "uppercase", "all caps"])
MORE_LOWER = composed(SHOWN, SMALL, [": {t}"]) + composed(["Change", "Convert", "Turn", "Switch", "Transform"], ["{t}", "\"{t}\""], ["to", "into"],
                                                          ["small letters", "lower case", "lowercase"])
UNSEEN_REVERSE = ["Turn the letters of {t} around."]
UNSEEN_UPPER = ["SHOUT this: {t}"]


def _word(draw: Draw, longest):
    """A listed word, one glued from token pieces, or a string of letters, in small letters."""
    while True:
        r = draw.rng.random()
        w = draw.word().lower() if r < 0.4 else draw.piece_word().lower() if r < 0.7 else draw.letters(2, 8)
        if len(w) <= longest:
            return w


def reverse(draw: Draw, longest=12):
    text = draw.text(lambda: _word(draw, longest))
    thought = f"Letters: {' '.join(text)}. Reversed: {' '.join(text[::-1])}."
    return Turn(worded(draw, REVERSE if draw.chance(0.6) else MORE_REVERSE, UNSEEN_REVERSE, careful=True, t=text), text[::-1], thought, spelt=True)


def upper(draw: Draw):
    text = draw.text(lambda: " ".join(_word(draw, 14) for _ in range(draw.choice([1, 1, 1, 2, 3, 4, 5]))))
    return Turn(worded(draw, UPPER if draw.chance(0.6) else MORE_UPPER, UNSEEN_UPPER, careful=True, t=text), text.upper(), "I write it in capital letters.", spelt=True)


def lower(draw: Draw):
    text = draw.text(lambda: " ".join(_word(draw, 14) for _ in range(draw.choice([1, 1, 2, 3]))))
    shown = text.upper() if draw.chance(0.6) else text.title()
    return Turn(worded(draw, LOWER if draw.chance(0.6) else MORE_LOWER, careful=True, t=shown), text, "I write it in small letters.", spelt=True)


def spell(draw: Draw):
    text = draw.text(lambda: _word(draw, 12))
    return Turn(worded(draw, SPELL, careful=True, t=text), "-".join(text.upper()), "I say letter after letter.", spelt=True)
