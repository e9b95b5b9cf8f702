"""The tokenizer: byte-level BPE of 4096 tokens, every digit alone, Qwen's added tokens at the end."""
import json
import os
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from .draw import Draw
from .mixture import SKILLS, WEIGHTS, make_dialogue
from .render import segments
from .words import NAMES, WORDS

VOCAB_SIZE = 4096
END_OF_TEXT, IM_START, IM_END = SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
ADDED = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
# texts of letters without meaning would cost merges
LEFT_OUT = {"copying", "reverse", "upper", "lower", "spell", "unknown", "chat", "memory", "needle", "plain"}


def _corpus(seed, count):
    draw = Draw(random.Random(seed))
    skills = [s for s in SKILLS if s not in LEFT_OUT]
    for skill in draw.rng.choices(skills, [WEIGHTS[s] for s in skills], k=count):
        for text, _ in segments(make_dialogue(draw, skill)):
            for token in SPECIAL + ADDED:
                text = text.replace(token, "\n")
            yield text
    for word in WORDS + NAMES:
        yield from [f"{word} {word}"] * 40
        yield from [word.capitalize()] * 8


def train_tokenizer(path, seed, count=24_000):
    """Trains on `count` sampled conversations and writes tokenizer.json."""
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated", False),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB_SIZE - len(SPECIAL + ADDED), min_frequency=4, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    t.train_from_iterator(_corpus(seed, count), trainer)
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIAL])
    t.add_tokens([AddedToken(s, special=False, normalized=False) for s in ADDED])
    assert t.get_vocab_size() == VOCAB_SIZE, t.get_vocab_size()
    t.save(path)


def word_pieces(tokenizer: Tokenizer):
    """The spellings of all tokens that are letters only, in a fixed order."""
    return sorted({p.removeprefix("Ġ") for p in tokenizer.get_vocab() if p.removeprefix("Ġ").isascii() and p.removeprefix("Ġ").isalpha()})


def chat_template():
    with open(os.path.join(os.path.dirname(__file__), "chat_template.jinja")) as f:
        return f.read()


def write_tokenizer_config(folder, max_length):
    config = dict(tokenizer_class="Qwen2Tokenizer", model_max_length=max_length, bos_token=None, eos_token=IM_END, pad_token=END_OF_TEXT, unk_token=None,
                  add_prefix_space=False, clean_up_tokenization_spaces=False, split_special_tokens=False, errors="replace", chat_template=chat_template())
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump(config, f, indent=1)
        f.write("\n")
