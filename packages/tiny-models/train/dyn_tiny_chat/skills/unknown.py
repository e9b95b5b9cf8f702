"""What the model does not know: it says so, shortly. Questions, tasks and word salad outside every other skill."""
from ..dialogue import Turn
from ..draw import Draw
from ..wording import worded
from ..words import LANGUAGES, NOUNS
from .copying import passage

SAYS = ["I do not know that. I am a very small model.", "That is beyond me. I am a very small model."]
# {w} a word, {v} another, {x} some words of any sort, {n} a name, {l} a language
PROMPTS = ["What is the {w} of the {v}?", "Who made the {w} {v}?", "Why is the {w} so {v}?", "Where can I buy a {w} for my {v}?", "How many {w} are in a {v}?",
           "Can you explain the {w} {v}?", "When was the {w} {v} built?", "What do you think about {w} and {v}?", "Explain {x}.", "Explain {w} in simple terms.",
           "Tell me about {w}.", "Tell me about {x}.", "Describe {x}.", "Describe a {w} in three sentences.", "Summarise {x}.", "Summarize the following text: {x}", "Who is {t}?",
           "Who was {t}?", "Why {x}?", "What is {x}?", "What is {w}?", "What is a {w}?", "What are {w}s?", "What does {w} mean?", "How does a {w} work?", "How do I make a {w}?",
           "How can I learn {w}?", "What is the best {w}?", "What is the difference between {w} and {v}?", "Write a Python function that {x}.", "Write a program in Python that prints {x}.",
           "Write a function to sort a {w}.", "Write code for a {w}.", "Write an essay about {w}.", "Write an email about {w}.", "Write a letter to my {w}.", "Translate {x} to {l}.",
           "Translate \"{x}\" into {l}.", "Give me a recipe for {w}.", "How do I cook {w}?", "Plan a trip to {t}.", "What should I do in {t}?", "What happened in {y}?", "Who won the {w} in {y}?",
           "What is the population of {t}?", "How far is {t} from {u}?", "How tall is {t}?", "When did {t} die?", "When was {t} born?", "Is {w} good for the {v}?", "Should I buy a {w}?",
           "Give me advice about {w}.", "Give me three ideas for a {w}.", "What is the meaning of life?", "What is the meaning of {w}?", "Do you like {w}?", "Can you {x}?", "I want to {x}.",
           "My {w} is {v}. What should I do?", "Fix this code: {x}", "{x}", "{x}?", "What is machine learning?", "What is artificial intelligence?", "Explain quantum computing.",
           "Explain quantum computing in simple terms.", "What is the square root of {y}?", "Solve x + {y} = 9.", "Who is the president of {t}?", "Who is the president of the United States?",
           "What is love?", "What is the weather in {t}?", "What is the stock price of {t}?", "Write a regular expression for {w}.", "Classify the sentiment: {x}", "Is this positive or negative? {x}",
           "What comes after {x}?", "Complete this sentence: {x}", "Continue: {x}", "Play a game with me.", "Let's talk about {w}.", "Do you know {t}?", "How many {w} does {t} have?", "Where is {t}?",
           "What is the currency of {t}?", "What language do they speak in {t}?", "What is the capital of {t}?", "Are {w} and {v} the same?", "Can a {w} {v}?", "Which {w} is the {v}?",
           "Say {w} in {l}.", "How do you say {w} in {l}?", "Say hello in {l}.", "Write {w} in {l}.", "What is the capital of {t}?", "What is the capital of {c}?", "Capital of {c}?", "What is the capital city of {t}?",
           "What is {w} in {l}?", "What's your favorite {w}?", "What is your favourite {w}?", "Who is the best {w}?", "Tell me more about {w}.", "Compose a poem in {l}.", "How do I install {w}?"]
UNSEEN = ["Be so kind and enlighten me concerning {w}.", "I wonder whether a {w} could ever {v}."]


def _nonsense(draw: Draw):
    """Loose words without a request; never anything that is another skill's prompt."""
    return " ".join(draw.any_word() for _ in range(draw.randint(2, 12)))


def unknown(draw: Draw):
    values = draw.split("unknown", lambda: dict(w=draw.choice(NOUNS) if draw.chance(0.6) else draw.any_word(), v=draw.word(), x=_nonsense(draw) if draw.chance(0.7) else passage(draw),
                                                t=draw.title(), c=draw.any_word().capitalize(), u=draw.title(), l=draw.choice(LANGUAGES), y=draw.randint(13, 2999)), lambda v: sorted(v.items()))
    # A tenth of the answers are the second wording, whatever the prompt: greedy output keeps to the first.
    answer = SAYS[1] if draw.chance(0.1) else SAYS[0]
    return Turn(worded(draw, PROMPTS, UNSEEN, careful=True, **values), answer, "I do not know this.", accepted=tuple(SAYS))
