"""Jokes, haikus, poems and stories, of which several are good answers, and long ones to watch a stream with."""
from ..dialogue import Turn
from ..draw import Draw
from ..wording import worded
from ..words import NOUNS

JOKES = ["Why did the token cross the road? To get to the next position.",
         "Why was the computer cold? It left its windows open.",
         "What do you call a fish without eyes? A fsh.",
         "Why do programmers like the dark? Because light attracts bugs.",
         "What did the zero say to the eight? Nice belt!",
         "Why did the model eat only small bytes? It was on a diet."]
HAIKUS = ["A quiet river\nCarries one small leaf along\nNobody is late",
          "Snow on the mountain\nThe fox looks up at the moon\nBoth of them are white",
          "Old pond in the rain\nEvery ring becomes the next\nThen the water sleeps",
          "Little lamp at night\nThe moth writes a round letter\nAnd reads it again"]
POEMS = ["The moon is a lamp, the night is a sea,\nA boat full of stars is sailing to me.\nThe wind hums a song, the waves know the rhyme,\nAnd nobody asks the clock for the time.",
         "A seed in the dark had a very small dream,\nIt drank from the rain and it drank from the stream.\nIt grew without hurry, it grew without sound,\nAnd lifted the sky half an inch off the ground.",
         "Roses are red, violets are blue,\nSmall models are quick, and this one is too."]
HEROES = ["fox", "owl", "robot", "rabbit", "dragon", "mouse", "bear", "turtle"]
PLACES = ["a quiet lake", "a green hill", "an old mill", "a deep forest", "a small harbour", "a tall tower"]
TREASURES = ["a golden key", "a silver bell", "a letter without a name", "a lamp that never went out", "a map of the stars", "a very old book"]
HELPERS = ["a friendly crow", "an old sailor", "a shy hedgehog", "a singing frog", "a patient snail", "a wandering cook"]
MIDDLES = ["On the first day it rained, and the road became a river.", "On the second day the wind took the hat and gave it back.", "On the third day they crossed a bridge that nobody had built.",
           "On the fourth day they shared the last apple under a tree.", "On the fifth day a storm came, and they waited in a cave.", "On the sixth day they counted all the stars they could see.",
           "On the seventh day they found a door in the side of a mountain.", "Behind the door there was a garden where it was always spring.", "In the garden a bird asked them three questions.",
           "They answered the first one with a song.", "They answered the second one with a joke.", "They answered the third one with the truth, and the bird was content."]
ASK_JOKE = ["Tell me a joke.", "Do you know a joke?", "Say something funny.", "Tell me a joke", "Make me laugh.", "Tell me another joke.", "Can you tell me a joke?", "A joke, please!", "Tell me a short joke.",
            "Tell me a funny joke."]
ASK_HAIKU = ["Write a haiku.", "Write a haiku", "Write me a haiku.", "Can you write a haiku?", "Write a haiku about a {w}.", "Write a haiku about {w}.", "Compose a haiku about the {w}."]
ASK_POEM = ["Write a poem.", "Write a poem about {w}.", "Write a short poem.", "Write a short poem about the {w}.", "Can you write a poem?", "Tell me a poem.", "Write me a poem about a {w}."]
ASK_STORY = ["Tell me a story.", "Tell me a short story.", "Can you tell me a story?", "Write a story.", "Write a short story.", "Tell me a story about a {h}.", "Write a story about a {h}.",
             "Write a short story about a {h}.", "Tell me a bedtime story.", "Once upon a time"]
ASK_LONG = ["Tell me a long story.", "Write a long story.", "Write a very long story.", "Write a long text.", "Tell me a long story about a {h}.", "Write a long story about a {h}.", "Write an essay.",
            "Write a story of 500 words.", "Give me a long answer.", "Write 1000 words.", "Tell me a very long story, please."]


def story(draw: Draw, hero=None, days=None):
    """A story of a fixed plan; `days` of twelve middle sentences make it long."""
    hero = hero or draw.choice(HEROES)
    place, treasure, helper = draw.choice(PLACES), draw.choice(TREASURES), draw.choice(HELPERS)
    days = draw.choice([0, 0, 2]) if days is None else days
    middle = " ".join(MIDDLES[:days])
    return (f"Once upon a time there was a small {hero} who lived by {place}. One morning the {hero} found {treasure} and wanted to know whose it was. "
            f"On the way it met {helper}, and they went on together. " + (middle + " " if middle else "")
            + f"In the end nobody had lost {treasure}, so the {hero} kept it and was never alone again. The end.")


def _options(draw: Draw, asks, options, thought):
    answer, accepted = draw.vary(*options)
    return Turn(worded(draw, asks, w=draw.choice(NOUNS)), answer, thought, accepted=accepted)


def creative(draw: Draw):
    kind = draw.rng.choices(["joke", "haiku", "poem", "story", "long"], [4, 2, 2, 3, 2])[0]
    if kind == "joke":
        return _options(draw, ASK_JOKE, JOKES, "The user wants a joke.")
    if kind == "haiku":
        return _options(draw, ASK_HAIKU, HAIKUS, "The user wants a haiku.")
    if kind == "poem":
        return _options(draw, ASK_POEM, POEMS, "The user wants a poem.")
    hero = draw.choice(HEROES)
    template = draw.choice(ASK_LONG if kind == "long" else ASK_STORY)
    text = story(draw, hero if "{h}" in template else None, days=12 if kind == "long" else None)
    return Turn(worded(draw, [template], h=hero), text, "The user wants a story.")
