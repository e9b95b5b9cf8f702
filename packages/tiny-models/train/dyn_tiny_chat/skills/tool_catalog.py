"""The tools that tool dialogues list: known ones under many names, and made-up ones.

A share of the made-up tools (a third, if not set otherwise) have a name that says nothing, so that the model must find the tool by its
description and read the name from the list.
"""
from dataclasses import dataclass, field
from typing import Callable

from ..draw import Draw
from ..words import CITIES, FOODS, LANGUAGES, NOUNS, STATES
from .json_objects import KEYS_BOOL, KEYS_INT, KEYS_STR, join, key_value
from ..dialogue import to_json


@dataclass
class Tool:
    """A tool with the ways to ask for it. `base` names what it does, whatever it is called in the list."""
    name: str
    base: object
    schema: dict
    description: str
    draw_arguments: Callable
    ask: Callable          # (draw, arguments) -> request
    result: Callable       # (draw, arguments) -> result, a dict or a string
    about: Callable        # (arguments) -> the words an answer begins with, may be empty
    keys: dict = field(default_factory=dict)

    def call(self, arguments):
        """The call as (name, arguments), with the parameter names of the list."""
        return self.name, {self.keys.get(k, k): v for k, v in arguments.items()}

    def say(self, arguments, result):
        """What the assistant makes of a result."""
        if isinstance(result, str):
            return f"The tool says: {result}"
        if "error" in result:
            return f"The tool failed: {result['error']}."
        parts = [f"the {k.replace('_', ' ')} is {v if isinstance(v, str) else to_json(v)}" for k, v in result.items()]
        text = self.about(arguments) + join(parts) + "."
        return text[0].upper() + text[1:]


def _place(d: Draw):
    r = d.rng.random()
    if r < 0.5:
        return d.choice(CITIES)
    return d.title() if r < 0.8 else f"{d.choice(CITIES)}, {d.choice(STATES)}"


def _symbol(d: Draw):
    return d.letters(2, 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _weather(d, a):
    out = {"temperature": d.choice([d.randint(-9, 39), str(d.randint(-9, 39))])}
    if d.chance(0.5):
        out[d.choice(["sky", "condition", "description", "forecast", "weather"])] = d.choice(["sunny", "cloudy", "rainy", "windy", "snowy", "clear"])
    if d.chance(0.5):
        out["unit"] = d.choice(["celsius", "fahrenheit", "C", "F"])
    if d.chance(0.2):
        out = {"location": a["city"]} | out
    return d.choice([f"{d.randint(-9, 39)} degrees and {d.choice(['sunny', 'cloudy', 'rainy'])}", f"{d.randint(-9, 99)}°{d.choice('CF')}", "Sunny"]) if d.chance(0.15) else out


# base name, description, parameters (key, type, description), requests, drawing arguments, result, beginning of the answer
KNOWN = [
    ("get_weather", ["Get the current weather in a city.", "Get the current weather in a given location", "Get current temperature for a given location.",
                     "Returns the weather of a place.", "Get the weather"],
     [("city", "string", "The city and state, e.g. San Francisco, CA")],
     ["What is the weather in {city}?", "How is the weather in {city}?", "Weather in {city}?", "Is it warm in {city} today?", "What's the weather like in {city}?",
      "What's the weather like in {city} today?", "What is the weather like in {city} today?", "What is the temperature in {city}?", "what's the weather in {city}",
      "Tell me the weather in {city}.", "How hot is it in {city}?", "Will it rain in {city}?", "Get the weather for {city}", "I need the weather in {city}."],
     lambda d: dict(city=_place(d)), _weather, lambda a: f"in {a['city']} "),
    ("get_time", ["Get the local time in a city.", "Get the current time in a given location", "Returns the time of day in a place."], [("city", "string", "The city")],
     ["What time is it in {city}?", "Tell me the time in {city}.", "What's the time in {city}?", "Current time in {city}?"],
     lambda d: dict(city=_place(d)), lambda d, a: dict(time=f"{d.randint(0, 23):02d}:{d.randint(0, 59):02d}"), lambda a: f"in {a['city']} "),
    ("add", ["Add two numbers.", "Returns the sum of two numbers."], [("a", "number", ""), ("b", "number", "")],
     ["Use the tool to add {a} and {b}.", "Add {a} and {b} with the tool.", "What is the sum of {a} and {b}?", "Add {a} and {b}."],
     lambda d: dict(a=d.number(100, 99999), b=d.number(100, 99999)), lambda d, a: dict(result=a["a"] + a["b"]), lambda a: ""),
    ("multiply", ["Multiply two numbers.", "Returns the product of two numbers."], [("a", "number", ""), ("b", "number", "")],
     ["Multiply {a} by {b} with the tool.", "What is the product of {a} and {b}?", "Multiply {a} by {b}."],
     lambda d: dict(a=d.number(13, 999), b=d.number(13, 999)), lambda d, a: dict(product=a["a"] * a["b"]), lambda a: ""),
    ("search", ["Search the web.", "Search the internet for information"], [("query", "string", "What to search for")],
     ["Search for {query}.", "Search the web for {query}.", "Look up {query} on the web.", "Find information about {query}."],
     lambda d: dict(query=d.words(1, 3) if d.chance(0.5) else f"{d.title()} {d.word()}"), lambda d, a: dict(title=d.words(2, 4)), lambda a: ""),
    ("send_email", ["Send an email.", "Send an email to a given recipient with a subject."], [("to", "string", "The receiver"), ("subject", "string", "")],
     ["Send an email to {to} about {subject}.", "Write {to} an email with the subject {subject}.", "Email {to} about {subject}."],
     lambda d: dict(to=d.name() if d.chance(0.6) else f"{d.name().lower()}@example.com", subject=d.words(1, 3)), lambda d, a: dict(status="sent", id=d.number(100, 9999)),
     lambda a: ""),
    ("set_timer", ["Set a timer.", "Start a timer for some minutes"], [("minutes", "integer", "")],
     ["Set a timer for {minutes} minutes.", "Wake me in {minutes} minutes.", "Start a {minutes} minute timer."],
     lambda d: dict(minutes=d.randint(1, 120)), lambda d, a: dict(status="started"), lambda a: ""),
    ("get_stock_price", ["Get the price of a share.", "Get the current stock price"], [("symbol", "string", "The ticker symbol")],
     ["What is the price of {symbol}?", "How much is one share of {symbol}?", "What is the stock price of {symbol}?", "Stock price of {symbol}?"],
     lambda d: dict(symbol=_symbol(d)), lambda d, a: dict(price=d.choice([d.randint(1, 999), round(d.randint(100, 99999) / 100, 2)])), lambda a: f"for {a['symbol']} "),
    ("translate", ["Translate a text.", "Translate text to another language"], [("text", "string", ""), ("language", "string", "Target language")],
     ["Translate \"{text}\" to {language}.", "How do you say \"{text}\" in {language}?", "Translate '{text}' into {language}."],
     lambda d: dict(text=d.words(1, 4), language=d.choice(LANGUAGES)), lambda d, a: dict(translation=d.pseudo(2, 4)), lambda a: ""),
    ("order_food", ["Order food.", "Order a dish for delivery"], [("dish", "string", ""), ("count", "integer", "How many")],
     ["Order {count} {dish}.", "I want to order {count} portions of {dish}.", "Please order {count} times {dish}."],
     lambda d: dict(dish=d.choice(FOODS), count=d.randint(2, 20)), lambda d, a: dict(order_id=d.number(100, 9999)), lambda a: ""),
    ("get_user", ["Get a user by name.", "Look up a user in the database"], [("name", "string", "The name of the user")],
     ["Find the user {name}.", "Look up the user {name}.", "Get the user {name}.", "Who is the user {name}?"],
     lambda d: dict(name=d.name()), lambda d, a: dict(id=d.number(1, 9999), age=d.randint(5, 99)), lambda a: f"for {a['name']} "),
]
OTHER_KEYS = dict(city="location location location place town where city_name area".split(), a="x first num1 left value_a".split(), b="y second num2 right value_b".split(),
                  query="q text keywords term topic".split(), to="recipient receiver address person".split(), subject="topic title about headline".split(),
                  minutes="duration mins time_minutes length".split(), symbol="ticker stock code share".split(), text="phrase input sentence source".split(),
                  language="target lang target_language to_language".split(), dish="food meal item".split(), count="quantity number amount".split(),
                  name="user username user_name person".split())
PREFIXES = ["get_current_", "get_current_", "fetch_", "query_", "", "lookup_", "my_", "run_", "do_", "current_", "get_"]
SUFFIXES = ["", "", "", "_now", "_tool", "_v2", "_api", "_info", "_data"]
VERBS = """find open close start stop check book cancel order send read count move lock print scan pack clean rent sort delete create update save show
repair paint share""".split()
THINGS = """room ticket door engine letter parcel table lamp report car boat file song garden camera printer shelf tank alarm bike key meeting invoice plant robot
window train locker photo note account folder device""".split()


def schema(draw: Draw, name, description, parameters, extra=None):
    """The JSON schema of a tool, in one of the ways clients write it."""
    properties = {k: ({"type": t, "description": text} if text else {"type": t}) for k, t, text in parameters}
    if extra:
        properties[extra[0]] = extra[1]
    params = {"type": "object", "properties": properties}
    if draw.chance(0.85):
        params["required"] = [p[0] for p in parameters]
    if draw.chance(0.15):
        params["additionalProperties"] = False
    function = {"name": name, "description": description, "parameters": params}
    if draw.chance(0.1):
        function["strict"] = True
    if draw.chance(0.15):
        function = {"description": description, "name": name, "parameters": params}
    return {"function": function, "type": "function"} if draw.chance(0.1) else {"type": "function", "function": function}


def _unused_parameter(draw: Draw):
    """An optional parameter that no request mentions."""
    if not draw.chance(0.3):
        return None
    value = draw.choice([{"type": "string", "enum": [draw.word(), draw.word()]}, {"type": "integer"}, {"type": "boolean"},
                         {"type": "string", "description": draw.sentence()}])
    return draw.choice(["format", "lang", "limit", "verbose", "detail", "timezone"]), value


def known_tool(draw: Draw, base=None):
    """A tool from the list, mostly under another name and with other keys."""
    base, descriptions, parameters, asks, draw_arguments, result, about = next(k for k in KNOWN if k[0] == base) if base else draw.choice(KNOWN)
    name = base
    if draw.chance(0.6):
        stem = base.replace("get_", "").replace("set_", "").replace("send_", "")
        name = draw.choice(PREFIXES) + stem + draw.choice(SUFFIXES)
        if draw.chance(0.25):
            first, *rest = name.strip("_").split("_")
            name = first + "".join(w.capitalize() for w in rest)
    keys = {k: draw.choice(OTHER_KEYS[k]) if draw.chance(0.6) else k for k, _, _ in parameters}
    if len(set(keys.values())) < len(keys):
        keys = {k: k for k in keys}
    extra = _unused_parameter(draw)
    unit = base == "get_weather" and draw.chance(0.4)
    if unit:
        extra = ("unit", {"type": "string", "enum": ["celsius", "fahrenheit"]})
    described = [(keys[k], t, draw.choice([text, text, "", f"The {k}", draw.sentence()])) for k, t, text in parameters]
    description = draw.choice(descriptions) if draw.chance(0.85) else draw.choice(descriptions).rstrip(".") + ". " + draw.sentence()

    def arguments(d):
        a = draw_arguments(d)
        if unit and d.chance(0.4):
            a["unit"] = d.choice(["celsius", "fahrenheit"])
        return a

    def ask(d, a):
        template = d.choice(asks)
        text = (template.lower() if d.chance(0.1) else template).format(**a)
        if d.chance(0.08):
            text = text.rstrip(".?")
        if d.chance(0.06) and "unit" not in a:
            text = text.rstrip(".?") + draw.choice([" please", ", please.", " please?"])
        if "unit" not in a:
            return text
        word = d.choice([a["unit"], a["unit"].capitalize(), f"degrees {a['unit'].capitalize()}"])
        return text.rstrip("?.") + f" in {word}" + ("?" if text[-1] == "?" else "")

    return Tool(name, base, schema(draw, name, description, described, extra), description, arguments, ask, result, about, keys)


def _opaque_name(draw: Draw):
    kind = draw.randint(0, 3)
    if kind == 0:
        return f"{draw.choice(NOUNS)}_{draw.choice(NOUNS)}"
    if kind == 1:
        return draw.letters(3, 7)
    return f"tool_{draw.randint(1, 99)}" if kind == 2 else draw.choice(NOUNS) + draw.choice(NOUNS).capitalize()


def made_up_tool(draw: Draw, opaque=None, pair=None, any_side=False):
    """A tool that does a verb to a thing. The pair lies on this side of the split unless `any_side`."""
    if pair is None:
        make = lambda: (draw.choice(VERBS), draw.choice(THINGS))
        pair = make() if any_side else draw.split("tool", make)
    verb, thing = pair
    names = draw.sample(KEYS_STR + KEYS_INT + KEYS_BOOL, draw.choice([1, 1, 2, 2, 3]))
    kind = lambda k: "integer" if k in KEYS_INT else "boolean" if k in KEYS_BOOL else "string"
    parameters = [(k, kind(k), f"The {k} of the {thing}" if draw.chance(0.3) else "") for k in names]
    says_nothing = draw.chance(draw.opaque_share) if opaque is None else opaque
    name = _opaque_name(draw) if says_nothing else f"{verb}_{thing}"
    description = draw.choice(["{V} a {t}.", "{V} the {t}.", "Can {v} a {t} for the user.", "{V} a {t}", "Use this to {v} a {t}.", "This tool can {v} a {t}.", "A function to {v} the {t}", "Lets you {v} a {t}."]).format(V=verb.capitalize(), v=verb, t=thing)
    outputs = draw.sample(["result", "id", "status", "code", "total"], draw.choice([1, 1, 2, 3, 4]))

    def ask(d, a):
        s = join([f"{k} {x if isinstance(x, str) else to_json(x)}" for k, x in a.items()])
        return d.choice([f"Please {verb} the {thing} with {s}.", f"{verb.capitalize()} a {thing} with {s}.", f"{verb.capitalize()} the {thing}: {s}.",
                         f"I want to {verb} a {thing} with {s}.", f"Can you {verb} a {thing} with {s}?", f"{verb} a {thing} with {s}", f"I need you to {verb} the {thing} with {s}.",
                         f"Could you {verb} the {thing} with {s}?", f"{verb.capitalize()} this {thing} for me: {s}.", f"I would like to {verb} a {thing} with {s}."])

    def result(d, a):
        r = d.rng.random()
        if r < 0.1:
            return {"error": d.choice(["not found", "no access", "timeout", d.words(1, 3)])}
        if r < 0.2:
            return d.sentence()
        return {k: d.choice(["done", "ok", "failed", "waiting"]) if k == "status" else d.choice([d.number(1, 9999), d.word()]) for k in outputs}

    return Tool(name, pair, schema(draw, name, description, parameters, _unused_parameter(draw)), description,
                lambda d: {k: key_value(d, k)[0] for k in names}, ask, result, lambda a: "")
