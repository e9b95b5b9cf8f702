"""The closed world as meanings: each has sentences that state it and questions that ask for it.

The tables are those of the chat model's world. A relation is a list of rows and two lists of forms; a meaning is one row.
Questions name one side of a row only where no other row has the same.
"""
from dataclasses import dataclass

from dyn_tiny_chat import world


@dataclass(frozen=True)
class Relation:
    name: str
    rows: tuple
    statements: tuple
    questions: tuple
    unseen: tuple = ()  # forms that only tests use


@dataclass(frozen=True)
class Meaning:
    relation: Relation
    row: tuple

    @property
    def key(self):
        return (self.relation.name, *self.row)

    def say(self, form):
        text = form.format(*self.row)
        return text[0].upper() + text[1:]


def _a(noun):
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _followers(sequence):
    return tuple((a, sequence[(i + 1) % len(sequence)]) for i, a in enumerate(sequence))


PEOPLE = world.PEOPLE.items()
SINGLES = world.SINGLE_FACTS.items()
COUNTRIES = tuple((a, b) for a, b in world.CAPITALS.items() if b not in world.SHARED_CAPITALS)
SHARED = tuple((a, b) for a, b in world.CAPITALS.items() if b in world.SHARED_CAPITALS)

CAPITAL_STATEMENTS = ("the capital of {0} is {1}.", "{1} is the capital city of {0}.", "{0} is governed from {1}.")
CAPITAL_QUESTIONS = (
    "what is the capital of {0}?", "which city is the capital of {0}?", "capital of {0}?", "name the capital of {0}.", "tell me the capital of {0}.",
    "what is the capital city of {0}?", "which city is the seat of government of {0}?", "from which city is {0} governed?",
    "what do they call the capital of {0}?", "I am looking for the capital of {0}.")

RELATIONS = (
    Relation("job", tuple((p, j, _a(j)) for p, (j, _, _) in PEOPLE),
             ("{0} is {2}.", "the {1} is {0}.", "{0} works as {2}."),
             ("what is {0}'s job?", "what does {0} do for a living?", "what work does {0} do?", "which job does {0} have?", "what is the job of {0}?",
              "who is the {1}?", "who works as {2}?", "which person is the {1}?"),
             ("how does {0} earn money?",)),
    Relation("pet", tuple((p, a, _a(a)) for p, (_, a, _) in PEOPLE),
             ("{0} has {2}.", "the {1} lives with {0}.", "{0} keeps {2} as a pet."),
             ("what pet does {0} have?", "which animal lives with {0}?", "what is {0}'s pet?", "which pet has {0}?", "what animal does {0} own?",
              "who has the {1}?", "who owns the {1}?", "with whom does the {1} live?"),
             ("which animal does {0} feed?",)),
    Relation("house", tuple((p, c) for p, (_, _, c) in PEOPLE),
             ("{0} lives in the {1} house.", "the {1} house is {0}'s.", "the house of {0} is {1}."),
             ("where does {0} live?", "in which house does {0} live?", "which house is {0}'s?", "what colour is {0}'s house?",
              "who lives in the {1} house?", "whose house is {1}?", "to whom does the {1} house belong?"),
             ("what is the colour of the home of {0}?",)),
    Relation("capital", COUNTRIES, CAPITAL_STATEMENTS,
             CAPITAL_QUESTIONS + ("{1} is the capital of which country?", "which country has the capital {1}?", "what country is {1} the capital of?"),
             ("I forgot what the capital of {0} is called.", "which town governs {0}?")),
    Relation("shared capital", SHARED, CAPITAL_STATEMENTS, CAPITAL_QUESTIONS),
    Relation("sound", tuple((a, s, _a(a)) for a, s in world.SOUNDS.items()),
             ("{2} {1}.", "the sound of {2}: it {1}.", "when {2} speaks, it {1}."),
             ("which sound does {2} make?", "how does {2} sound?", "what sound does {2} make?", "what noise does {2} make?", "what does {2} say?",
              "which animal {1}?", "who {1}?"),
             ("describe the voice of {2}.",)),
    Relation("legs", tuple((a, n or "no", _a(a)) for a, n in world.LEGS.items()),
             ("{2} has {1} legs.", "the number of legs of {2} is {1}.", "{2} stands on {1} legs."),
             ("how many legs does {2} have?", "how many legs has {2}?", "on how many legs does {2} stand?", "count the legs of {2}.",
              "what is the number of legs of {2}?", "legs of {2}?"),
             ("with how many legs was {2} made?",)),
    Relation("opposite", tuple(world.OPPOSITES.items()),
             ("the opposite of {0} is {1}.", "{0} and {1} are opposites.", "{1} is the contrary of {0}."),
             ("what is the opposite of {0}?", "opposite of {0}?", "name the opposite of {0}.", "which word is the opposite of {0}?",
              "what is the opposite of {1}?", "which word means the contrary of {0}?", "what is the contrary of {1}?"),
             ("{0} is the opposite of what?",)),
    Relation("colour", tuple(world.COLOURS_OF.items()),
             ("the colour of {0} is {1}.", "{0} is {1}.", "{0} has a {1} colour."),
             ("what colour is {0}?", "which colour does {0} have?", "what is the colour of {0}?", "what color is {0}?", "what is the color of {0}?",
              "tell me the colour of {0}."),
             ("in which colour would you paint {0}?",)),
    Relation("next", sum((_followers(s) for s in (world.DAYS, world.MONTHS, world.SEASONS)), ()),
             ("after {0} comes {1}.", "{1} follows {0}.", "before {1} comes {0}."),
             ("what comes after {0}?", "what follows {0}?", "which one comes after {0}?", "what is next after {0}?",
              "what comes before {1}?", "which one comes before {1}?", "what precedes {1}?"),
             ("{0} is over: what begins?",)),
    Relation("month", tuple(zip(world.MONTHS, world.MONTH_DAYS)),
             ("{0} has {1} days.", "the month of {0} is {1} days long.", "there are {1} days in {0}."),
             ("how many days does {0} have?", "how many days are in {0}?", "how long is {0}?", "what is the number of days of {0}?",
              "how many days are there in {0}?"),
             ("for how many days does {0} last?",)),
) + tuple(Relation(f"single {i}", ((statement,),), ("{0}",), tuple(questions)) for i, (statement, questions) in enumerate(SINGLES))

MEANINGS = tuple(Meaning(relation, row) for relation in RELATIONS for row in relation.rows)
