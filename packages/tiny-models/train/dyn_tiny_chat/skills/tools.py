"""Calling one or more of the given tools, using their results, and leaving them alone where they do not fit."""
from ..dialogue import Turn, to_json
from ..draw import Draw, is_held
from .arithmetic import arithmetic
from .copying import copying
from .facts import fact
from .greetings import greeting
from .json_objects import join
from .tool_catalog import THINGS, VERBS, known_tool, made_up_tool

NO_TOOL = "I have no tool for that."
MODES = {"call": 4, "use": 4, "direct": 2, "none": 3, "two": 3, "cities": 1, "many": 2, "series": 6}


def _neighbour(draw: Draw, pair, opaque=None):
    """A made-up tool that shares the verb or the thing with `pair`, so that half a match is not enough."""
    verb, thing = pair
    return made_up_tool(draw, opaque, pair=draw.choice([(verb, draw.choice(THINGS)), (draw.choice(VERBS), thing)]))


def tool_list(draw: Draw, count, opaque=None, needs=None, near=0.4):
    """`count` tools with different names and purposes in any order; `needs` is a known tool that must be among them.

    `near` of them share the verb or the thing with the one before.
    """
    tools, seen = [], set()
    if needs:
        t = known_tool(draw, needs)
        tools, seen = [t], {t.name, t.base}
    while len(tools) < count:
        last = tools[-1].base if tools else None
        if isinstance(last, tuple) and draw.chance(near):
            t = _neighbour(draw, last, opaque)
            if not draw.held and is_held("tool", t.base):
                continue
        elif draw.chance(0.4) and not opaque:
            t = known_tool(draw)
        else:
            t = made_up_tool(draw, opaque, any_side=draw.held and draw.chance(0.5))
        if not {t.name, t.base} & seen:
            seen |= {t.name, t.base}
            tools.append(t)
    draw.rng.shuffle(tools)
    return tools


def _stranger(draw: Draw, tools):
    """A tool that is not in the list, often a near miss of one that is."""
    names, bases = {t.name for t in tools}, {t.base for t in tools}
    near = [t.base for t in tools if isinstance(t.base, tuple)]  # in the order of the list: a set's order changes from process to process
    while True:
        if near and draw.chance(0.5):
            t = _neighbour(draw, draw.choice(near))
            if not draw.held and is_held("tool", t.base):
                continue
        elif draw.chance(0.4):
            t = known_tool(draw)
        else:
            t = made_up_tool(draw, any_side=draw.held)
        if t.name not in names and t.base not in bases:
            return t


def _result_text(result):
    return result if isinstance(result, str) else to_json(result)


def _why(tool):
    """The thought before a call: the description that fits, then the name that stands with it."""
    return f"{tool.description.rstrip('.')}: {tool.name}."


def _request(draw: Draw, tool):
    arguments = tool.draw_arguments(draw)
    text = tool.ask(draw, arguments)
    if draw.chance(0.2):
        text = draw.choice(["Hello! ", "Please help me. ", "Thanks. ", "Hi, "]) + text
    return arguments, text


def _served(draw: Draw, tool, say=True):
    """The turns of one request: the call and, with `say`, what is made of its result."""
    arguments, text = _request(draw, tool)
    turns = [Turn(text, thought=_why(tool), calls=[tool.call(arguments)])]
    if say:
        result = tool.result(draw, arguments)
        turns.append(Turn(answer=tool.say(arguments, result), thought="The tool answered.", results=[_result_text(result)]))
    return turns


def _several(draw: Draw, requests, text, say):
    """Several calls in one answer and, with `say`, one sentence for each result."""
    thought = " ".join(dict.fromkeys(_why(t) for t, _ in requests))
    turns = [Turn(text, thought=thought, calls=[t.call(a) for t, a in requests])]
    if say:
        results = [t.result(draw, a) for t, a in requests]
        answer = " ".join(t.say(a, r) for (t, a), r in zip(requests, results))
        turns.append(Turn(answer=answer, thought="The tools answered.", results=[_result_text(r) for r in results]))
    return turns


def _two(draw: Draw, tools, say):
    first, second = draw.sample(tools, 2)
    a, text = _request(draw, first)
    b = second.draw_arguments(draw)
    joined = text + draw.choice([" ", " Also: ", " And then: ", " After that: "]) + second.ask(draw, b)
    return _several(draw, [(first, a), (second, b)], joined, say)


def _many(draw: Draw, tools, say):
    """Three or four requests in one message, some of them for the same tool."""
    asked = [draw.choice(tools) for _ in range(draw.choice([3, 3, 4]))]
    arguments = [t.draw_arguments(draw) for t in asked]
    separator = draw.choice([" ", " Also: ", " And then: ", " After that: ", "\n", "\n- "])
    text = separator.join(t.ask(draw, a) for t, a in zip(asked, arguments))
    return _several(draw, list(zip(asked, arguments)), "- " + text if separator == "\n- " else text, say)


def _series(draw: Draw, tools):
    """One list, many requests: what a document teaches about finding the right tool, several times over."""
    turns = []
    for _ in range(draw.randint(3, 7)):
        if draw.chance(0.15):
            turns.append(Turn(_request(draw, _stranger(draw, tools))[1], NO_TOOL, "No tool fits."))
        else:
            turns += _served(draw, draw.choice(tools))
    return turns if turns[-1].results is None or draw.chance(0.3) else turns[:-1]


def _cities(draw: Draw, tool, say):
    """The same tool for two or three places."""
    requests = [{"city": tool.draw_arguments(draw)["city"]} for _ in range(draw.choice([2, 2, 3]))]
    places = join([a["city"] for a in requests])
    if len(requests) > 2 and draw.chance(0.5):
        places = places.replace(" and ", ", and ")
    ask = draw.choice(["What's the weather like in {p}?", "What is the weather in {p}?", "Weather in {p}?", "How is the weather in {p} today?", "Compare the weather in {p}."])
    return _several(draw, [(tool, a) for a in requests], ask.format(p=places), say)


def tool_dialogue(draw: Draw, mode=None, opaque=None, alone=False):
    """(tool schemas, turns). Modes: call, use (with its result), two, many, series, cities, direct (no tool needed), none (no tool fits)."""
    mode = mode or draw.rng.choices(list(MODES), list(MODES.values()))[0]
    if mode in ("many", "series"):  # trained, not tested: harder lists than the tests have
        tools = tool_list(draw, draw.choice([3, 4, 5, 5, 6]), near=0.6)
        return [t.schema for t in tools], _series(draw, tools) if mode == "series" else _many(draw, tools, say=draw.chance(0.3))
    count = draw.choice([2, 3, 4]) if mode == "two" else draw.choice([1, 2, 3, 3, 4, 5])
    tools = tool_list(draw, count, opaque, "get_weather" if mode == "cities" else None)
    turns = []
    if not alone and draw.chance(0.2):
        turns.append(draw.choice([greeting, fact, arithmetic, copying])(draw))
    if not alone and draw.chance(0.15):
        turns += _served(draw, draw.choice(tools))
    if mode == "direct":
        turn = draw.choice([greeting, greeting, fact, fact, arithmetic, arithmetic, copying])(draw)
        turn.thought = "No tool is needed. " + turn.thought
        turns.append(turn)
    elif mode == "none":
        stranger = _stranger(draw, tools)
        turns.append(Turn(_request(draw, stranger)[1], NO_TOOL, "No tool fits."))
    elif mode == "two":
        turns += _two(draw, tools, say=draw.chance(0.5))
    elif mode == "cities":
        turns += _cities(draw, next(t for t in tools if t.base == "get_weather"), say=draw.chance(0.4))
    else:
        turns += _served(draw, draw.choice(tools), say=mode == "use")
    return [t.schema for t in tools], turns
