"""JSON on request: keys with values, values found in a sentence, arrays, nested objects, a schema to fill."""
from ..dialogue import Turn, to_json
from ..draw import Draw
from ..wording import worded
from ..words import CITIES, COLOURS, FOODS, FRUITS, JOBS, LANGUAGES, PETS
from ..world import CAPITALS

KEYS_STR = "name city color food title owner author animal country topic status mode job language product street first_name email".split()
KEYS_INT = "age count size price weight level year number height speed floor amount score quantity id".split()
KEYS_BOOL = "active ready open fast hidden paid".split()
KEYS = KEYS_STR + KEYS_INT + KEYS_BOOL
LISTED = dict(city=CITIES, color=COLOURS, food=FOODS, country=list(CAPITALS), animal=PETS, job=JOBS, language=LANGUAGES)

PAIRS = ["Make a JSON object with {p}.", "Write JSON with {p}.", "Give me a JSON object: {p}.", "Return JSON with {p}.", "As JSON, please: {p}.",
         "I need a JSON object with {p}. Reply with JSON only.", "Output a JSON object where {p}.", "Reply with JSON: {p}.", "Create a JSON object with {p}.",
         "Respond in JSON with {p}.", "Generate JSON with {p}.", "Make this JSON: {p}.", "Write this as JSON: {p}.", "Convert to JSON: {p}.", "Turn this into a JSON object: {p}.",
         "Format as JSON: {p}.", "JSON with {p}, please.", "I want JSON with {p}.", "Send me a JSON object with {p}.", "Express this in JSON: {p}."]
UNSEEN_PAIRS = ["Put this into curly brackets as JSON: {p}."]
PAIR_FORMS = ["{k} {v}", "the {k} {v}", "{k} = {v}", "{k} is {v}", "{k}: {v}", "\"{k}\": {v}"]
ABOUT = ["{t} Write JSON with the keys {k}.", "{t}\nAs a JSON object with the keys {k}, please.", "Turn this into JSON with the keys {k}: {t}",
         "Reply with JSON with keys {k}. {t}", "Extract {k} as JSON: {t}", "Extract the {k} as JSON. {t}", "{t} Return a JSON object with {k}.",
         "Return JSON with the fields {k}. {t}", "{t}\n\nExtract {k} in JSON format."]
FOR = ["Reply with JSON with keys {k} for {t}", "Reply with JSON with keys {k} for {t}.", "Give me JSON with the keys {k} for {t}.", "Write a JSON object with keys {k} for {t}.",
       "Return JSON with {k} for {t}.", "Make JSON with the keys {k} for {t}.", "JSON with keys {k} for {t}", "Create a JSON object with the fields {k} for {t}."]
# (keys, sentence about them, noun phrase about them); the first key names the subject
PROSE = [
    ("name age", "{name} is {age} years old.", "{name} who is {age}"),
    ("name age", "My name is {name} and I am {age}.", "{name}, who is {age} years old"),
    ("name age", "{name} is {age}.", "{name}, aged {age}"),
    ("name age city", "{name} is {age} years old and lives in {city}.", "{name} who is {age} and lives in {city}"),
    ("name city", "{name} lives in {city}.", "{name} from {city}"),
    ("name job", "{name} works as a {job}.", "{name}, who is a {job}"),
    ("name age job", "{name}, {age}, works as a {job}.", "{name} who is {age} and works as a {job}"),
    ("name language", "{name} speaks {language}.", "{name} who speaks {language}"),
    ("title author year", "The book {title} was written by {author} in {year}.", "the book {title} by {author} from {year}"),
    ("animal name color", "My {animal} is called {name} and it is {color}.", "a {color} {animal} called {name}"),
    ("owner size price", "{owner} sells a house of size {size} for the price of {price}.", "a house of size {size} that {owner} sells for {price}"),
    ("food price city", "In {city} the {food} costs {price}.", "{food} that costs {price} in {city}"),
    ("name level", "The player {name} has reached level {level}.", "the player {name} on level {level}"),
    ("product price quantity", "I bought {quantity} pieces of {product} for {price} each.", "{quantity} pieces of {product} at {price}"),
    ("city country", "{city} is a city in {country}.", "{city} in {country}"),
]


def key_value(draw: Draw, key):
    """(value, how the user writes it)."""
    if key in KEYS_INT:
        v = draw.randint(1, 99) if key == "age" else draw.number(0, 10 ** draw.randint(1, 4))
        return v, str(v)
    if key in KEYS_BOOL:
        v = draw.chance(0.5)
        return v, "true" if v else "false"
    if key in ("name", "owner", "author", "first_name"):
        v = draw.name()
    elif key in LISTED and draw.chance(0.7):
        v = draw.choice(LISTED[key])
    elif key == "email":
        v = f"{draw.name().lower()}@{draw.choice(['example.com', 'mail.org', draw.pseudo(2, 2) + '.com'])}"
    else:
        v = draw.choice([draw.word, draw.title, draw.piece_word, lambda: draw.words(2, 3)])()
    return v, v


def join(parts):
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _object_turn(user, value):
    return Turn(user, to_json(value), "Keys: " + ", ".join(value) + "." if isinstance(value, dict) else "I write a list.")


def json_pairs(draw: Draw):
    """Keys with values, in one of six ways to write a pair; the key set with the way is held out."""
    keys, form = draw.split("keys", lambda: (draw.sample(KEYS, draw.randint(1, 5)), draw.choice(PAIR_FORMS)), lambda x: (sorted(x[0]), x[1]))
    items = {k: key_value(draw, k) for k in keys}
    pairs = join([form.format(k=k, v=to_json(v) if form[0] == '"' else s) for k, (v, s) in items.items()])
    return _object_turn(worded(draw, PAIRS, UNSEEN_PAIRS, careful=True, p=pairs), {k: v for k, (v, _) in items.items()})


def json_prose(draw: Draw):
    """Values found in a sentence, for the keys that are asked for, in their order."""
    keys, sentence, phrase = draw.choice(PROSE)
    items = {k: key_value(draw, k) for k in keys.split()}
    text = (phrase if draw.chance(0.4) else sentence).format(**{k: s for k, (_, s) in items.items()})
    asked = list(items)
    if draw.chance(0.5):
        draw.rng.shuffle(asked)
    templates = ABOUT if text.endswith(".") else FOR
    names = join([f'"{k}"' for k in asked]) if draw.chance(0.1) else join(asked)
    return _object_turn(worded(draw, templates, careful=True, t=text, k=names), {k: items[k][0] for k in asked})


def json_nested(draw: Draw):
    outer, inner = draw.split("keys", lambda: (draw.choice(["user", "address", "item", "car", "book", "data"]), draw.sample(KEYS, draw.randint(1, 3))),
                              lambda x: (x[0], sorted(x[1])))
    items = {k: key_value(draw, k) for k in inner}
    pairs = join([f"{k} {s}" for k, (_, s) in items.items()])
    q = worded(draw, ["Write JSON with a key {o} that holds an object with {p}.", "Make a nested JSON object: {o} has {p}.",
                      "Give me JSON where {o} is an object with {p}."], careful=True, o=outer, p=pairs)
    return _object_turn(q, {outer: {k: v for k, (v, _) in items.items()}})


def json_array(draw: Draw):
    kind = draw.randint(0, 2)
    if kind == 0:
        a = draw.randint(0, 20)
        b = a + draw.randint(1, 9)
        return _object_turn(worded(draw, ["Write a JSON array with the numbers from {a} to {b}.", "JSON array of the numbers {a} to {b}, please.",
                                          "Give me a JSON list of the numbers from {a} to {b}."], a=a, b=b), list(range(a, b + 1)))
    words = draw.split("array", lambda: [draw.choice([draw.word, draw.piece_word])() for _ in range(draw.randint(1, 6))])
    if kind == 1:
        return _object_turn(worded(draw, ["Write a JSON array with {w}.", "Make a JSON array of {w}.", "Return a JSON list with {w}.", "As a JSON array: {w}."],
                                   careful=True, w=join(words)), words)
    key = draw.choice(["items", "words", "list", "tags", "names"])
    return _object_turn(worded(draw, ["Write JSON with the key {k} and the list {w}.", "Give me JSON where {k} is a list of {w}."], careful=True, k=key, w=join(words)),
                        {key: words})


def json_known(draw: Draw):
    """JSON about a fact the model knows."""
    country = draw.choice(list(CAPITALS))
    if draw.chance(0.5):
        n, s = draw.randint(2, 3), [["red", "green", "blue"], FRUITS[:3], ["dog", "cat", "horse"]]
        what, values = draw.choice([("colors", s[0]), ("colours", s[0]), ("fruits", s[1]), ("animals", s[2])])
        q = worded(draw, ["Give me a JSON array of {n} {w}.", "Give me a JSON list of {n} {w}.", "Write a JSON array with {n} {w}."], n=draw.choice([n, {2: "two", 3: "three"}[n]]), w=what)
        return _object_turn(q, values[:n])
    q = worded(draw, ["Reply with JSON with the keys country and capital for {c}.", "Give me the capital of {c} as JSON with the keys country and capital.",
                      "Return JSON with country and capital for {c}."], c=country)
    return _object_turn(q, {"country": country.removeprefix("the "), "capital": CAPITALS[country]})


def json_object(draw: Draw):
    if draw.unseen:
        return json_pairs(draw)
    return draw.rng.choices([json_pairs, json_prose, json_nested, json_array, json_known], [4, 5, 1, 1.5, 0.5])[0](draw)


def schema_turns(draw: Draw):
    """(system, turns): the system message holds a JSON schema or names the keys, the user writes a sentence."""
    keys, sentence, _ = draw.choice(PROSE)
    items = {k: key_value(draw, k) for k in keys.split()}
    kind = {k: {"type": "integer" if k in KEYS_INT else "string"} for k in items}
    schema = {"type": "object", "properties": kind, "required": list(items)}
    system = draw.choice(["Answer in JSON that follows this schema: " + to_json(schema), "Reply with a JSON object of this schema:\n" + to_json(schema),
                          "Always answer with a JSON object with the keys " + join(list(items)) + ".", "Extract " + join(list(items)) + " as JSON."])
    user = sentence.format(**{k: s for k, (_, s) in items.items()})
    return system, [_object_turn(user, {k: v for k, (v, _) in items.items()})]
