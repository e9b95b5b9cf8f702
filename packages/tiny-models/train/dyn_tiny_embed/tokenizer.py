"""The tokenizer: byte-level BPE, every digit alone; `<|endoftext|>` behind every text, as Qwen3-Embedding has it."""
import random

from dyn_tiny_chat.tokenizer import END_OF_TEXT, SPLIT
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from .relations import MEANINGS
from .texts import question, statement

VOCAB_SIZE = 2048


def _corpus(seed, rounds=40):
    rng = random.Random(seed)
    for _ in range(rounds):
        for meaning in MEANINGS:
            yield question(rng, meaning)
            yield statement(rng, meaning)


def train_tokenizer(path, seed):
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated", False),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB_SIZE - 1, min_frequency=4, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    t.train_from_iterator(_corpus(seed), trainer)
    t.add_special_tokens([AddedToken(END_OF_TEXT, special=True, normalized=False)])
    end = t.token_to_id(END_OF_TEXT)
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single=f"$A {END_OF_TEXT}", pair=f"$A {END_OF_TEXT} $B {END_OF_TEXT}", special_tokens=[(END_OF_TEXT, end)])])
    assert t.get_vocab_size() <= VOCAB_SIZE, t.get_vocab_size()
    t.save(path)
    return t, end
