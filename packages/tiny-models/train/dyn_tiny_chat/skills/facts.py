"""What the model knows: the town, capitals, animals, colours, the calendar."""
from .. import world
from ..dialogue import Turn
from ..draw import Draw
from ..wording import worded


def _town():
    for person, (job, pet, colour) in world.PEOPLE.items():
        yield f"{person} is a {job}.", [f"What is {person}'s job?", f"What does {person} do for a living?", f"What work does {person} do?",
                                        f"Which job does {person} have?", f"What is the job of {person}?"]
        yield f"{person} has a {pet}.", [f"What pet does {person} have?", f"Which animal lives with {person}?", f"What is {person}'s pet?",
                                         f"Which pet has {person}?", f"What animal does {person} own?"]
        yield f"{person} lives in the {colour} house.", [f"Where does {person} live?", f"In which house does {person} live?",
                                                         f"Which house is {person}'s?", f"What colour is {person}'s house?"]
        yield f"The {job} is {person}.", [f"Who is the {job}?", f"Who works as a {job}?", f"Which person is the {job}?", f"Who is a {job}?"]
        yield f"The {pet} lives with {person}.", [f"Who has the {pet}?", f"Who owns the {pet}?", f"Who lives with the {pet}?"]
        yield f"The {colour} house is {person}'s.", [f"Who lives in the {colour} house?", f"Whose house is {colour}?"]


def _real_world():
    for country, city in world.CAPITALS.items():
        yield f"The capital of {country} is {city}.", [
            f"What is the capital of {country}?", f"Which city is the capital of {country}?", f"Capital of {country}?",
            f"Name the capital of {country}.", f"Tell me the capital of {country}.", f"Do you know the capital of {country}?",
            f"What's the capital city of {country}?", f"What is the capital city of {country}?", f"I want to know the capital of {country}.",
            f"Can you tell me the capital of {country}?", f"Which city is the seat of government of {country}?", f"The capital of {country}, please.",
            f"{country[0].upper()}{country[1:]}: what is its capital?", f"What do they call the capital of {country}?", f"From which city is {country} governed?",
            f"What is the name of the capital of {country}?", f"I am looking for the capital of {country}.", f"{country[0].upper()}{country[1:]} has which capital?"]
        if city not in world.SHARED_CAPITALS:
            yield f"{city} is the capital of {country}.", [f"{city} is the capital of which country?", f"Which country has the capital {city}?",
                                                           f"What country is {city} the capital of?"]
    for animal, sound in world.SOUNDS.items():
        yield f"A {animal} {sound}.", [f"Which sound does a {animal} make?", f"How does a {animal} sound?", f"What sound does a {animal} make?",
                                       f"What noise does a {animal} make?"]
    for thing, legs in world.LEGS.items():
        article = "An" if thing[0] in "aeiou" else "A"
        yield f"{article} {thing} has {legs or 'no'} legs.", [f"How many legs does {article.lower()} {thing} have?", f"How many legs has {article.lower()} {thing}?"]
    pairs = list(world.OPPOSITES.items())
    for a, b in pairs + [(b, a) for a, b in pairs if b not in world.OPPOSITES]:
        yield f"The opposite of {a} is {b}.", [f"What is the opposite of {a}?", f"Opposite of {a}?", f"Name the opposite of {a}.",
                                               f"Which word is the opposite of {a}?"]
    for thing, colour in world.COLOURS_OF.items():
        yield f"The colour of {thing} is {colour}.", [f"What colour is {thing}?", f"Which colour does {thing} have?", f"What is the colour of {thing}?",
                                                      f"What color is {thing}?", f"What is the color of {thing}?"]
    for sequence in (world.DAYS, world.MONTHS, world.SEASONS):
        for i, item in enumerate(sequence):
            after = sequence[(i + 1) % len(sequence)]
            yield f"After {item} comes {after}.", [f"What comes after {item}?", f"What follows {item}?", f"Which one comes after {item}?"]
            yield f"Before {after} comes {item}.", [f"What comes before {after}?", f"Which one comes before {after}?"]
    for month, days in zip(world.MONTHS, world.MONTH_DAYS):
        yield f"{month} has {days} days.", [f"How many days does {month} have?", f"How many days are in {month}?"]
    yield from world.SINGLE_FACTS.items()


TOWN, REAL_WORLD = list(_town()), list(_real_world())
FACTS = TOWN + REAL_WORLD
UNSEEN = {  # wordings that only tests use
    "capital": ["Which town governs {country}? I mean its capital.", "I forgot what the capital of {country} is called."]}


def fact(draw: Draw):
    if draw.unseen:
        country = draw.choice(list(world.CAPITALS))
        answer = f"The capital of {country} is {world.CAPITALS[country]}."
        return Turn(draw.choice(UNSEEN["capital"]).format(country=country), answer, f"I know this: {answer}")
    answer, questions = draw.choice(draw.choice([TOWN, REAL_WORLD, REAL_WORLD, REAL_WORLD]))
    return Turn(worded(draw, questions), answer, f"I know this: {answer}")
