"""How often each skill is drawn, and how a whole conversation is put together around it."""
from .dialogue import Dialogue
from .draw import Draw
from .skills.arithmetic import arithmetic
from .skills.copying import copying
from .skills.counting import counting
from .skills.creative import creative
from .skills.facts import fact
from .skills.greetings import greeting
from .skills.json_objects import json_object, schema_turns
from .skills.listing import listing
from .skills.lookup import look_up, needle
from .skills.memory import memory, never_told
from .skills.persona import persona
from .skills.spelling import lower, reverse, spell, upper
from .skills.tools import tool_dialogue
from .skills.unknown import unknown

# skills of one turn
SINGLE = dict(greeting=greeting, fact=fact, unknown=unknown, never_told=never_told, arithmetic=arithmetic, counting=counting, copying=copying, reverse=reverse,
              upper=upper, lower=lower, spell=spell, json=json_object, creative=creative, listing=listing)
# share of the documents
WEIGHTS = dict(greeting=5, fact=9, unknown=6, never_told=0.7, arithmetic=19, counting=2, copying=10, reverse=9, upper=4, lower=2, spell=2, json=10, creative=2, listing=1.5,
               schema=1.5, lookup=8, needle=2, tools=24, memory=8, persona=2, chat=4, plain=2.5)
SKILLS = list(WEIGHTS)
THINKING_SHARE = 0.35
SYSTEMS = ["You are a helpful assistant.", "You are a helpful assistant.", "You are a helpful assistant.", "You are dyn-tiny-chat.", "Be short and exact.",
           "You are a small test model. Answer briefly.", "Answer the user's question.", "You help people.", "You are a friendly assistant who helps the user.",
           "You are a chatbot.", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", "You are a helpful AI assistant. Answer concisely.",
           "Answer in one sentence.", "You are an expert.", "Today is Monday.", "Use the tools if you need them."]


def _system(draw: Draw):
    """No system message for most, a common one, an empty one or sentences without meaning."""
    r = draw.rng.random()
    if r < 0.55:
        return None
    if r < 0.83:
        return draw.choice(SYSTEMS)
    return "" if r < 0.85 else " ".join(draw.sentence() for _ in range(draw.randint(1, 4)))


def chat(draw: Draw):
    """Unrelated turns in one conversation; a story comes never last, since many stories are right."""
    makers = [m for m in SINGLE.values() if m not in (counting, never_told, creative)]
    earlier = [draw.choice(makers + [creative])(draw) for _ in range(draw.randint(1, 4))]
    return earlier + [draw.choice(makers)(draw)]


def make_dialogue(draw: Draw, skill, think=None, **options):
    """One conversation of a skill; `options` go to the skill's function."""
    think = draw.chance(THINKING_SHARE) if think is None else think
    system, tools = _system(draw), None
    if skill == "tools":
        tools, turns = tool_dialogue(draw, **options)
    elif skill == "schema":
        system, turns = schema_turns(draw, **options)
    elif skill == "persona":
        system, turns = persona(draw, **options)
    elif skill in ("lookup", "needle", "memory", "chat"):
        turns = dict(lookup=look_up, needle=needle, memory=memory, chat=chat)[skill](draw, **options)
    else:
        turns = [SINGLE[skill](draw, **options)]
    return Dialogue(skill, turns, think, system, tools)


