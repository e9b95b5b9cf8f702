"""A conversation before it becomes text: turns, tools, system message, thinking on or off."""
import json
from dataclasses import dataclass, field


def to_json(value):
    """JSON as the chat template writes it: spaces after commas and colons, letters of any script as they are."""
    return json.dumps(value, ensure_ascii=False)


@dataclass
class Turn:
    """What the user (or the tools) said and what the assistant answers.

    Exactly one of `user` and `results` is set. An answer that spells letters (`spelt`) is learnt one byte
    per token. `accepted` lists every answer that counts as right where more than one does.
    """
    user: str | None = None
    answer: str = ""
    thought: str = ""
    results: list[str] | None = None
    calls: list[tuple[str, dict]] = field(default_factory=list)
    spelt: bool = False
    accepted: tuple[str, ...] = ()

    def answer_text(self):
        """The answer as the model writes it, tool calls in Qwen3's form."""
        calls = [f'<tool_call>\n{{"name": "{n}", "arguments": {to_json(a)}}}\n</tool_call>' for n, a in self.calls]
        return "\n".join(([self.answer] if self.answer else []) + calls)

    def accepts(self, text):
        """Whether `text` is a right answer; JSON may be written with other spaces or key order."""
        if text == self.answer_text() or text in self.accepted:
            return True
        if self.answer[:1] not in ("{", "["):
            return False
        try:
            return json.loads(text) == json.loads(self.answer)
        except ValueError:
            return False


@dataclass
class Dialogue:
    skill: str
    turns: list[Turn]
    think: bool = False
    system: str | None = None
    tools: list[dict] | None = None

    def messages(self):
        """The request's messages up to the last user or tool message: what the last answer replies to."""
        out = [] if self.system is None else [{"role": "system", "content": self.system}]
        last_user = max(i for i, t in enumerate(self.turns) if t.user is not None)
        for i, t in enumerate(self.turns):
            if t.user is not None:
                out.append({"role": "user", "content": t.user})
            else:
                out += [{"role": "tool", "content": r} for r in t.results]
            if i == len(self.turns) - 1:
                return out
            reply = {"role": "assistant", "content": t.answer}
            if self.think and i >= last_user:
                reply["reasoning_content"] = t.thought
            if t.calls:
                reply["tool_calls"] = [{"type": "function", "function": {"name": n, "arguments": a}} for n, a in t.calls]
            out.append(reply)
        return out
