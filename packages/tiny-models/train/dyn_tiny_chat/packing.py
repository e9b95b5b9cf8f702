"""Sampled conversations as packed rows of tokens, made by worker processes in an order that the seed fixes.

A row holds several documents; positions start at 0 in each and attention never crosses from one to another.
"""
import multiprocessing
import os
import random
from dataclasses import dataclass

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("RAYON_NUM_THREADS", "1")
import numpy as np
from tokenizers import Tokenizer, pre_tokenizers

from .draw import Draw
from .mixture import SKILLS, WEIGHTS, make_dialogue
from .render import CONTEXT, LEARN_TAIL, SPELL, segments
from .skills.plain import plain_segments
from .tokenizer import END_OF_TEXT, word_pieces

ROW_TOKENS = 4096
POOL = 96           # documents to choose the best fit from
DRAWN_AT_ONCE = 256


class Encoder:
    """Token ids and learnt flags of documents."""

    def __init__(self, path):
        self.tokenizer = Tokenizer.from_file(path)
        self.pieces = word_pieces(self.tokenizer)
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        self._byte = {chr(b): self.tokenizer.token_to_id(byte_level.pre_tokenize_str(chr(b))[0][0]) for b in range(32, 127)}

    def encode(self, documents):
        """[(ids, flags)] of documents given as lists of segments; a flag says that the token is learnt."""
        texts = [text for d in documents for text, mode in d if mode != SPELL]
        encoded = iter(self.tokenizer.encode_batch_fast(texts, add_special_tokens=False))
        out = []
        for d in documents:
            ids, flags = [], []
            for text, mode in d:
                e = [self._byte[c] for c in text] if mode == SPELL else next(encoded).ids
                ids += e
                learnt = [mode != CONTEXT] * len(e)
                if mode == LEARN_TAIL and e:
                    learnt[0] = False
                flags += learnt
            out.append((ids, flags))
        return out


@dataclass
class Rows:
    """`rows` x ROW_TOKENS: token ids, positions, document number in the row (0 is padding), learnt flags."""
    tokens: np.ndarray
    positions: np.ndarray
    documents: np.ndarray
    learnt: np.ndarray
    skills: dict  # (row, document number) -> skill


def stream(encoder: Encoder, rng, held, opaque_share=0.33):
    """Endless (ids, flags, skill) from one side of the held-out split."""
    draw = Draw(rng, held, encoder.pieces, opaque_share=opaque_share)
    while True:
        skills = rng.choices(SKILLS, WEIGHTS.values(), k=DRAWN_AT_ONCE)
        documents = [plain_segments(draw) if s == "plain" else segments(make_dialogue(draw, s)) for s in skills]
        for skill, (ids, flags) in zip(skills, encoder.encode(documents)):
            if len(ids) <= ROW_TOKENS:
                yield ids, flags, skill


def pack(documents, rows, padding):
    """Best fit of documents from an endless iterator into `rows` rows."""
    shape = (rows, ROW_TOKENS)
    out = Rows(np.full(shape, padding, np.uint16), np.zeros(shape, np.uint16), np.zeros(shape, np.uint8), np.zeros(shape, bool), {})
    pool = []
    for r in range(rows):
        at, number = 0, 1
        while number < 255:
            while len(pool) < POOL:
                pool.append(next(documents))
            near = (i for i, d in enumerate(pool) if len(d[0]) <= ROW_TOKENS - at)
            best = next(near, None)
            if best is None:
                break
            ids, flags, skill = pool.pop(best)
            here = slice(at, at + len(ids))
            out.tokens[r, here], out.learnt[r, here] = ids, flags
            out.positions[r, here], out.documents[r, here] = range(len(ids)), number
            out.skills[r, number] = skill
            at, number = here.stop, number + 1
    return out


def _work(path, seed, rows, opaque_share, queue):
    encoder = Encoder(path)
    padding = encoder.tokenizer.token_to_id(END_OF_TEXT)
    documents = stream(encoder, random.Random(seed), False, opaque_share)
    while True:
        batch = pack(documents, rows, padding)
        batch.skills = {}
        queue.put(batch)


def batches(path, seed, rows, workers, opaque_share):
    """Endless `Rows`, taken from the workers in turn: the order depends on the seed and their number alone."""
    context = multiprocessing.get_context("spawn")
    queues = [context.Queue(maxsize=6) for _ in range(workers)]
    for w, q in enumerate(queues):
        context.Process(target=_work, args=(path, f"{seed}-{w}", rows, opaque_share, q), daemon=True).start()
    while True:
        for q in queues:
            yield q.get()
