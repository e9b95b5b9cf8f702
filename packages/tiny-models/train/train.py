"""Trains dyn-tiny-chat on one GPU and writes its Hugging Face directory.

    python train.py --out DIR [--steps 11400] [--seed 2]

The defaults are those of the published model.

Everything follows from the seed and the number of workers: tokenizer, documents and their order, first
weights. The arithmetic of the GPU is not fixed to the bit, so two runs give equally good models and not
the same bytes.
"""
import argparse
import json
import multiprocessing
import os
import queue
import random
import threading
import time
from collections import defaultdict

import numpy as np
import torch
from torch.nn.attention.flex_attention import create_block_mask

from dyn_tiny_chat.export import export_model
from dyn_tiny_chat.model import CONFIG, Model
from dyn_tiny_chat.muon import Muon
from dyn_tiny_chat.packing import ROW_TOKENS, Encoder, batches, pack, stream
from dyn_tiny_chat.tokenizer import END_OF_TEXT, IM_END, train_tokenizer, write_tokenizer_config

ROWS = 32
LEARNT_CAP = int(ROWS * ROW_TOKENS * 0.24) // 256 * 256  # about a fifth of all tokens is learnt; more are left out at random
WARM_UP = 150


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--out", required=True)
    p.add_argument("--steps", type=int, default=11_400)
    p.add_argument("--seed", type=int, default=2)
    p.add_argument("--workers", type=int, default=14, help="processes that make documents; another number is another order")
    p.add_argument("--opaque-share", type=float, default=0.5, help="share of the made-up tools whose name says nothing")
    p.add_argument("--muon-lr", type=float, default=0.02)
    p.add_argument("--adam-lr", type=float, default=4e-3)
    p.add_argument("--flat", type=float, default=0.3, help="part of the run before the linear decay")
    p.add_argument("--report-every", type=int, default=1000)
    return p.parse_args()


def to_device(rows, device):
    """(tokens, positions, documents, index, target) of a batch, the last two padded to LEARNT_CAP."""
    tokens, at = rows.tokens.astype(np.int32), np.flatnonzero(rows.learnt)
    if len(at) > LEARNT_CAP:
        at = np.sort(np.random.default_rng(0).choice(at, LEARNT_CAP, replace=False))
    index, target = np.zeros(LEARNT_CAP, np.int64), np.full(LEARNT_CAP, -1, np.int64)
    index[:len(at)], target[:len(at)] = at - 1, tokens.reshape(-1)[at]
    parts = (tokens, rows.positions.astype(np.int32), rows.documents.astype(np.int32), index, target)
    return [torch.from_numpy(x).pin_memory().to(device, non_blocking=True) for x in parts]


class Score:
    """The share of held-out documents per skill whose every learnt token is the likeliest one."""

    def __init__(self, encoder, device):
        padding = encoder.tokenizer.token_to_id(END_OF_TEXT)
        rows = pack(stream(encoder, random.Random(99), True), ROWS, padding)
        self.batch = to_device(rows, device)
        at = np.flatnonzero(rows.learnt)[:LEARNT_CAP]
        self.owner = [(int(p) // ROW_TOKENS, int(rows.documents.reshape(-1)[p])) for p in at]
        self.skills = rows.skills

    def of(self, step):
        _, right = step(*self.batch)
        wrong = {o for o, ok in zip(self.owner, right.tolist()) if not ok}
        counts = defaultdict(lambda: [0, 0])
        for o in set(self.owner):
            counts[self.skills[o]][0] += o not in wrong
            counts[self.skills[o]][1] += 1
        return {k: round(100 * a / b) for k, (a, b) in sorted(counts.items())}


def prefetch(source, device, depth=8):
    """Batches on the device, copied by a thread while the GPU works."""
    ready = queue.Queue(depth)

    def fill():
        for rows in source:
            ready.put(to_device(rows, device))

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield ready.get()


def main():
    a, start, device = arguments(), time.time(), "cuda"
    os.makedirs(a.out, exist_ok=True)
    torch.set_float32_matmul_precision("high")
    say = lambda *words: print(f"[{time.time() - start:6.1f}]", *words, flush=True)
    tokenizer_path = os.path.join(a.out, "tokenizer.json")
    train_tokenizer(tokenizer_path, a.seed)
    source = prefetch(batches(tokenizer_path, a.seed, ROWS, a.workers, a.opaque_share), device)
    torch.manual_seed(a.seed)
    model = Model().to(device)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim == 1 or "embed" in n]
    parameters = sum(p.numel() for p in model.parameters())
    say("parameters", parameters, torch.cuda.get_device_name(), vars(a))
    adam = torch.optim.AdamW(others, lr=a.adam_lr, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    muon = Muon(matrices, weight_decay=0.02)

    documents = torch.zeros(ROWS, ROW_TOKENS, dtype=torch.int32, device=device)
    same_document = lambda b, h, q, k: (q >= k) & (documents[b, q] == documents[b, k])
    block_mask = torch.compile(create_block_mask, dynamic=False)

    @torch.compile(dynamic=False)
    def compute(tokens, positions, index, target, mask):
        with torch.autocast("cuda", torch.bfloat16):
            return model(tokens, positions, index, target, mask)

    def forward(tokens, positions, numbers, index, target):
        documents.copy_(numbers)
        return compute(tokens, positions, index, target, block_mask(same_document, ROWS, None, ROW_TOKENS, ROW_TOKENS, device=device))

    score, losses = Score(Encoder(tokenizer_path), device), []
    for step in range(a.steps):
        loss, _ = forward(*next(source))
        loss.backward()
        done = step / a.steps
        rate = min(1, (step + 1) / WARM_UP) * (1 if done < a.flat else (1 - done) / (1 - a.flat))
        adam.param_groups[0]["lr"] = a.adam_lr * rate
        adam.step()
        muon.step(a.muon_lr * rate, 0.85 + 0.1 * min(1, step / 300))
        model.zero_grad(set_to_none=True)
        losses.append(loss.detach())
        if (step + 1) % a.report_every == 0 or step + 1 == a.steps or step == 20:
            last = score.of(forward)
            say(f"step {step + 1} loss {torch.stack(losses).mean().item():.4f}", last)
            losses = []
    encoder = Encoder(tokenizer_path)
    export_model(model, a.out, encoder.tokenizer.token_to_id(IM_END), encoder.tokenizer.token_to_id(END_OF_TEXT))
    write_tokenizer_config(a.out, CONFIG["max_position_embeddings"])
    report = dict(parameters=parameters, steps=a.steps, tokens=a.steps * ROWS * ROW_TOKENS, seconds=round(time.time() - start), arguments=vars(a),
                  torch=torch.__version__, gpu=torch.cuda.get_device_name(), teacher_forced_percent=last)
    with open(os.path.join(a.out, "training.json"), "w") as f:
        json.dump(report, f, indent=1)
    say("exported")
    for worker in multiprocessing.active_children():
        worker.terminate()
    os._exit(0)  # the copying thread waits for ever


if __name__ == "__main__":
    main()
