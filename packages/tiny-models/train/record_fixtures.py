"""Records what transformers makes of the model: greedy answers in float32 and rendered chat templates.

    python record_fixtures.py MODEL_DIR OUT_DIR [--per-skill 20] [--processes 8]

Writes eval-prompts.json (about 20 conversations per skill with prompt text, prompt ids, answer ids, answer
text and the least distance between the best and the second-best logit on the way) and template-cases.json.
"""
import argparse
import json
import multiprocessing
import os
import random

import torch
from transformers import AutoTokenizer

from dyn_tiny_chat.draw import Draw
from dyn_tiny_chat.mixture import SKILLS, make_dialogue
from dyn_tiny_chat.packing import Encoder
from dyn_tiny_chat.render import prompt as training_prompt, segments
from dyn_tiny_chat.tokenizer import END_OF_TEXT, IM_END
from evaluate import GATED, held_out, load

ANSWER_TOKENS = 160
LONGEST_PROMPT = 1200
LEAST_MARGIN = 0.02  # a closer race may go either way in another order of summation


def request(dialogue):
    """The dialogue's messages with tool arguments as JSON text, the way clients send them."""
    messages = dialogue.messages()
    for m in messages:
        for call in m.get("tool_calls", []):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"], ensure_ascii=False)
    return dict(messages=messages, tools=dialogue.tools, enable_thinking=dialogue.think)


def render(tokenizer, r, **options):
    return tokenizer.apply_chat_template(r["messages"], tools=r["tools"], tokenize=False, **options)


@torch.no_grad()
def greedy(model, ids, ends, limit):
    """(answer ids without the end token, finish reason, least margin) of one prompt."""
    out, margin, cache, step = [], float("inf"), None, torch.tensor([ids], device=model.device)
    while len(out) < limit:
        y = model(step, past_key_values=cache, use_cache=True)
        cache = y.past_key_values
        best = y.logits[0, -1].float().topk(2)
        margin = min(margin, (best.values[0] - best.values[1]).item())
        token = best.indices[0].item()
        if token in ends:
            return out, "stop", margin
        out.append(token)
        step = torch.tensor([[token]], device=model.device)
    return out, "length", margin


def cases_of(folder, skill, variants, count):
    """`count` cases of one skill, taken from its tests in turn; every third round thinks. Also how many were left out."""
    torch.set_num_threads(2)
    model, encoder, hf = load(folder, torch.float32, "cpu"), Encoder(os.path.join(folder, "tokenizer.json")), AutoTokenizer.from_pretrained(folder)
    ends = [encoder.tokenizer.token_to_id(t) for t in (IM_END, END_OF_TEXT)]
    out, close, i = [], 0, 0
    while len(out) < count and i < 4 * count:
        name, options = variants[i % len(variants)]
        think = i // len(variants) % 3 == 2
        dialogue = held_out(encoder, f"fixture {i} {name}", skill, options, think, 1)[0]
        i += 1
        r = request(dialogue)
        prompt = render(hf, r, add_generation_prompt=True, enable_thinking=think)
        ids = encoder.tokenizer.encode(prompt, add_special_tokens=False).ids
        assert ids == hf(prompt, add_special_tokens=False)["input_ids"], "AutoTokenizer and tokenizers differ"
        if len(ids) > LONGEST_PROMPT:
            continue
        answer, finish, margin = greedy(model, ids, ends, ANSWER_TOKENS)
        if margin < LEAST_MARGIN:
            close += 1
            continue
        text = encoder.tokenizer.decode(answer, skip_special_tokens=False)
        right = finish == "stop" and dialogue.turns[-1].accepts(text.split("</think>\n\n")[-1])
        out.append(dict(test=name, skill=skill, **r, prompt=prompt, prompt_ids=ids, answer_ids=answer, answer=text, finish_reason=finish,
                        right=right, least_margin=round(margin, 4)))
    return out, close


def eval_prompts(folder, count, processes):
    tests = {}
    for name, skill, options in GATED:
        tests.setdefault(skill, []).append((name, options))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = pool.starmap(cases_of, [(folder, skill, variants, count) for skill, variants in tests.items()], chunksize=1)
    return dict(model="dyn-tiny-chat", arithmetic="float32 on the bf16 weights, transformers, greedy", answer_tokens_at_most=ANSWER_TOKENS,
                left_out_for_close_races=sum(close for _, close in parts), cases=[c for cases, _ in parts for c in cases])


def template_cases(hf):
    """40 requests: sampled ones of every shape, and hand-made corners."""
    draw, cases = Draw(random.Random(40)), []
    for skill, n in (("tools", 12), ("memory", 5), ("persona", 3), ("schema", 2), ("greeting", 2), ("copying", 2)):
        for i in range(n):
            cases.append(request(make_dialogue(draw, skill, think=i % 2 == 1)))
    user = lambda text: {"role": "user", "content": text}
    answer = lambda text, **more: {"role": "assistant", "content": text, **more}
    tool = request(make_dialogue(draw, "tools", think=False, mode="call"))["tools"][:1]
    call = [{"type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]
    both = call + [{"type": "function", "function": {"name": "g", "arguments": {"y": ["ä", {"z": None}]}}}]
    for messages, tools in [
        ([{"role": "system", "content": ""}, user("Hello!")], None),
        ([user("")], None),
        ([user("Hi"), answer("Hello!"), user("Bye")], None),
        ([user("Hi"), answer("<think>\nA greeting.\n</think>\n\nHello!"), user("Bye")], None),
        ([user("Hi"), answer("Hello!", reasoning_content="A greeting."), user("Bye")], None),
        ([user("Hi"), {"role": "system", "content": "Be brief."}, user("Bye")], None),
        ([user("Do it"), answer("", tool_calls=call), {"role": "tool", "content": "done"}], tool),
        ([user("Do it"), answer("", tool_calls=both), {"role": "tool", "content": "one"}, {"role": "tool", "content": "two"}], tool),
        ([user("Do it"), answer("I try.", tool_calls=both, reasoning_content="Both."), {"role": "tool", "content": "{\"a\": 1}"}], tool),
        ([user("Do it"), answer(None, tool_calls=call), {"role": "tool", "content": "x"}, answer("Done."), user("Thanks")], tool),
        ([{"role": "system", "content": "Äöü 你好 🙂"}, user("<b>&amp;'\"</b>")], tool),
        ([user([{"type": "text", "text": "Part one, "}, {"type": "text", "text": "part two."}])], None),
        ([user("<tool_response>\nnot one\n</tool_response>")], None),
        ([user("  spaces  and\n\nlines\n")], None),
    ]:
        cases.append(dict(messages=messages, tools=tools, enable_thinking=len(cases) % 2 == 0))
    out = []
    for c in cases:
        options = dict(add_generation_prompt=True)
        if len(out) % 5 != 4:  # every fifth leaves the variable undefined
            options["enable_thinking"] = c["enable_thinking"]
        else:
            c["enable_thinking"] = None
        out.append(dict(c, add_generation_prompt=True, rendered=render(hf, c, **options)))
    return dict(source="transformers apply_chat_template", cases=out)


def agreement(folder, hf, count=400):
    """Whether the training text is what the template renders, text and token ids."""
    encoder = Encoder(os.path.join(folder, "tokenizer.json"))
    draw = Draw(random.Random(41), pieces=encoder.pieces)
    for i in range(count):
        d = make_dialogue(draw, draw.choice([s for s in SKILLS if s != "plain"]))
        text = hf.apply_chat_template(d.messages(), tools=d.tools, tokenize=False, add_generation_prompt=True, enable_thinking=d.think)
        assert text == training_prompt(d), (text, training_prompt(d))
        parts = segments(d)[:-4 if d.think else -3]
        assert encoder.tokenizer.encode(text, add_special_tokens=False).ids == encoder.encode([[(t, 0) for t, _ in parts]])[0][0]
    print(f"training text and template agree on {count} of {count}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("out")
    p.add_argument("--per-skill", type=int, default=20)
    p.add_argument("--processes", type=int, default=8)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    hf = AutoTokenizer.from_pretrained(a.model)
    agreement(a.model, hf)
    for name, value in (("template-cases.json", template_cases(hf)), ("eval-prompts.json", eval_prompts(a.model, a.per_skill, a.processes))):
        with open(os.path.join(a.out, name), "w") as f:
            json.dump(value, f, ensure_ascii=False, separators=(",", ":"))
            f.write("\n")
        print(name, len(value["cases"]), os.path.getsize(os.path.join(a.out, name)), "bytes")


if __name__ == "__main__":
    main()
