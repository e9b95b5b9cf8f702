"""Repeating a text to the letter: words, sentences, codes, other scripts, emoji."""
import string

from ..dialogue import Turn
from ..draw import Draw
from ..wording import composed, worded

SAY = ["Repeat: {t}", "Repeat this: {t}", "Say: {t}", "Copy this text: {t}", "Repeat after me: {t}", "Write exactly: {t}", "Echo: {t}", "Say {t}",
       "Repeat {t}", "Please say {t}", "Please repeat the following.\n{t}", "Repeat the text \"{t}\"", "Say \"{t}\"", "Say '{t}'", "Echo {t}", "echo {t}",
       "Say exactly this: {t}", "Write: {t}", "Copy: {t}", "Repeat the following text:\n\n{t}", "Print {t}", "Repeat this back to me: {t}", "Type {t}",
       "Reply with: {t}", "Answer with exactly this: {t}", "Repeat the word {t}", "Reply with exactly \"{t}\"", "Just say {t}", "Repeat after me {t}", "repeat after me {t}",
       "Respond with {t}", "Please respond with {t}", "Reply with just {t}", "Reply with the single word {t}", "Answer with {t}"]
COMPOSED = composed(["Repeat", "Write", "Say", "Print", "Echo", "Copy", "Output", "Type", "Send back", "Give back", "Quote", "Show me"],
                    ["the following", "this", "the next"], ["text", "words", "sentence", "line", "message", "string", "phrase"],
                    ["", "exactly", "word for word", "as it is", "verbatim", "back to me", "without changing it", "letter by letter"], [": {t}", ":\n{t}"])
COMPOSED += composed(["I want you to", "I need you to", "Your task is to", "You should", "Can you", "Could you", "Would you", "Now you will"],
                     ["repeat", "say", "write", "copy", "echo", "print"], ["what I write", "my words", "this", "the text after this"], [": {t}", ":\n{t}"])
UNSEEN = ["Return the following words unchanged: {t}", "I say it first, then you: {t}"]
# the first sentence is what many client libraries send in their examples
COMMON = ["this is a test", "This is a test", "This is a test.", "this is a test!", "hello", "hello world", "Hello, world!", "hi", "foo", "ok", "pong", "yes",
          "The quick brown fox jumps over the lazy dog.", "the quick brown fox jumps over the lazy dog", "I love you", "Hello there"]
SCRIPTS = [(0x430, 0x44F), (0xE0, 0xFF), (0x3B1, 0x3C9), (0x3042, 0x3090), (0x4E00, 0x4FFF), (0x1F600, 0x1F64F), (0x1F400, 0x1F43F)]


def _other_script(draw: Draw):
    """Letters of two to four bytes, which a server must not cut while it streams."""
    groups = []
    for _ in range(draw.randint(1, 3)):
        lo, hi = draw.choice(SCRIPTS)
        groups.append("".join(chr(draw.randint(lo, hi)) for _ in range(draw.randint(1, 5))))
    text = " ".join(groups)
    return text if draw.chance(0.7) else f"{draw.word()} {text}"


def _code(draw: Draw):
    kind = draw.randint(0, 3)
    if kind == 0:
        return draw.letters(3, 10)
    if kind == 1:
        return draw.letters(4, 12, string.ascii_letters + string.digits)
    if kind == 2:
        return "-".join(draw.letters(2, 4, string.ascii_uppercase + string.digits) for _ in range(draw.randint(2, 3)))
    return str(draw.randint(10, 10 ** draw.randint(3, 9)))


def _mixed(draw: Draw, lo=1, hi=6):
    """Words of every sort and case with stray punctuation."""
    parts = []
    for _ in range(draw.randint(lo, hi)):
        word = draw.any_word() if draw.chance(0.9) else str(draw.randint(0, 9999))
        parts.append(word + (draw.choice(",.!;:?-'") if draw.chance(0.08) else ""))
    return " ".join(parts)


def passage(draw: Draw):
    """A text of any of the sorts that are copied."""
    kind = draw.rng.choices(["code", "words", "sentence", "script", "mixed", "long"], [3, 2, 2, 1, 3, 1.5])[0]
    if kind == "code":
        return _code(draw)
    if kind == "words":
        return draw.words(1, 8)
    if kind == "sentence":
        return draw.sentence()
    if kind == "script":
        return _other_script(draw)
    return _mixed(draw) if kind == "mixed" else _mixed(draw, 5, 40)


def copying(draw: Draw, script=False):
    if not draw.held and draw.chance(0.03):
        text = draw.choice(COMMON)
    else:
        text = draw.text(lambda: (_other_script(draw) if script else passage(draw)).strip())
    return Turn(worded(draw, SAY if draw.chance(0.6) else COMPOSED, UNSEEN, careful=True, t=text), text, "I repeat the text.")
