"""The random source of the generator, which knows the two sides of every held-out split.

A tenth of all names, larger numbers, texts, operand pairs and phrasings belongs to the tests alone, chosen
by a checksum of the thing itself. `Draw(held=False)` never yields one of them, `Draw(held=True)` yields
nothing else. A skill asks for what it needs and never looks at the side.
"""
import random
import string
import zlib

from .words import NAMES, WORDS

CONSONANTS = "bcdfghjklmnprstvwz"
VOWELS = ["a", "e", "i", "o", "u", "ou", "ea", "an", "er", "io"]


def is_held(kind, key):
    """Whether a thing belongs to the tests: one in ten, by checksum."""
    return zlib.crc32(repr((kind, key)).encode()) % 10 == 0


class Draw:
    """Draws words, names, numbers and texts from one side of the split.

    `pieces` are spellings of the tokenizer's tokens; words glued from them make every token appear in
    copied and spelt texts. `unseen` asks for wordings that no training document uses. `opaque_share` of the made-up tools have a name that says nothing.
    """

    def __init__(self, rng: random.Random, held=False, pieces=(), unseen=False, opaque_share=0.33):
        self.rng, self.held, self.pieces, self.unseen, self.opaque_share = rng, held, pieces, unseen, opaque_share
        self.choice, self.randint, self.sample = rng.choice, rng.randint, rng.sample

    def chance(self, p):
        return self.rng.random() < p

    def split(self, kind, make, key=lambda x: x):
        """The first of `make()`'s values that lies on this side."""
        while True:
            x = make()
            if is_held(kind, key(x)) == self.held:
                return x

    # ---- words ------------------------------------------------------------------------------------
    def pseudo(self, lo=1, hi=4):
        """A word that does not exist: lo..hi syllables."""
        return "".join(self.choice(CONSONANTS) + self.choice(VOWELS) for _ in range(self.randint(lo, hi)))

    def piece_word(self):
        """A word glued from one to three of the tokenizer's tokens."""
        if not self.pieces:
            return self.pseudo()
        return "".join(self.choice(self.pieces) for _ in range(self.randint(1, 3)))

    def word(self):
        return self.choice(WORDS)

    def any_word(self):
        """A listed word, a made-up one or a string of token pieces, in any case."""
        r = self.rng.random()
        w = self.word() if r < 0.55 else self.piece_word() if r < 0.8 else self.pseudo()
        r = self.rng.random()
        return w if r < 0.6 else w.capitalize() if r < 0.85 else w.lower() if r < 0.95 else w.upper()

    def letters(self, lo, hi, alphabet=string.ascii_lowercase):
        return "".join(self.choice(alphabet) for _ in range(self.randint(lo, hi)))

    def words(self, lo, hi):
        return " ".join(self.word() for _ in range(self.randint(lo, hi)))

    def title(self):
        """One or two made-up words with capitals: a city or a person nobody knows."""
        return " ".join(self.pseudo(2, 3).capitalize() for _ in range(self.choice([1, 1, 2])))

    def sentence(self):
        s = self.words(3, 10)
        return s[0].upper() + s[1:] + self.choice([".", ".", "!", "?"])

    # ---- things with a held-out side ----------------------------------------------------------------
    def name(self):
        """A first name; four in ten are made up."""
        make = lambda: self.choice(NAMES) if self.chance(0.6) else self.pseudo(2, 3).capitalize()
        return self.split("name", make)

    def number(self, lo, hi):
        """An integer of lo..hi; those of three or more digits are split."""
        if self.held and hi > 99:
            lo = max(lo, 100)
        while True:
            n = self.randint(lo, hi)
            if n < 100 or is_held("number", n) == self.held:
                return n

    def text(self, make):
        """A text to copy, spell or quote."""
        return self.split("text", make)

    def vary(self, *options):
        """(answer, all options): one of several good answers, the earlier ones more often.

        The weights differ by half, so that greedy decoding has a clear favourite.
        """
        weights = [2.0 ** -i for i in range(len(options))]
        return self.rng.choices(options, weights)[0], options
