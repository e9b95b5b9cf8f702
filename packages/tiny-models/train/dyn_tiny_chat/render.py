"""A conversation as text, in the segments that training needs.

This is the chat template once more, in Python and with marks of what is learnt; `record_fixtures.py`
holds the two against each other. A segment is (text, mode).
"""
from .dialogue import Dialogue, to_json

CONTEXT = 0     # given, not learnt
LEARN = 1       # written by the model
LEARN_TAIL = 2  # an earlier answer, where the template has no think block: learnt except its first token
SPELL = 3       # written by the model one byte per token

NO_THOUGHT = "<think>\n\n</think>\n\n"
TOOLS_HEAD = ("# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
              "You are provided with function signatures within <tools></tools> XML tags:\n<tools>")
TOOLS_TAIL = ("\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
              "<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>")


def _head(d: Dialogue):
    if d.tools:
        before = "" if d.system is None else d.system + "\n\n"
        return f"<|im_start|>system\n{before}{TOOLS_HEAD}{''.join(chr(10) + to_json(t) for t in d.tools)}{TOOLS_TAIL}<|im_end|>\n"
    return "" if d.system is None else f"<|im_start|>system\n{d.system}<|im_end|>\n"


def segments(d: Dialogue):
    """All segments of a conversation, as the server would render it before the last answer."""
    out = [(_head(d), CONTEXT)]
    last_user = max(i for i, t in enumerate(d.turns) if t.user is not None)
    for i, t in enumerate(d.turns):
        said = t.user if t.user is not None else "\n".join(f"<tool_response>\n{r}\n</tool_response>" for r in t.results)
        out.append((f"<|im_start|>user\n{said}<|im_end|>\n<|im_start|>assistant\n", CONTEXT))
        last = i == len(d.turns) - 1
        thinks = d.think and i >= last_user
        if thinks:
            out.append((f"<think>\n{t.thought}\n</think>\n\n", LEARN))
        elif last:
            out.append((NO_THOUGHT, CONTEXT))
        now = last or thinks
        mode = (SPELL if now else CONTEXT) if t.spelt else (LEARN if now else LEARN_TAIL)
        out += [(t.answer_text(), mode), ("<|im_end|>", LEARN), ("\n", CONTEXT)]
    return out


def prompt(d: Dialogue):
    """The text the model is given for the last answer: thought and answer are its own."""
    parts = segments(d)[:-4 if d.think else -3]
    return "".join(text for text, _ in parts)
