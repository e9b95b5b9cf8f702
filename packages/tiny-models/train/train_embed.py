"""Trains dyn-tiny-embed on one GPU and writes its sentence-transformers directory.

    python train_embed.py --out DIR [--steps 500] [--seed 1]

The defaults are those of the published model. Texts, their order and the first weights follow from the seed;
the GPU's sums are not fixed to the bit.
"""
import argparse
import os
import random
import shutil
import tempfile
import time

import torch
import torch.nn.functional as F
from dyn_tiny_embed.relations import MEANINGS
from dyn_tiny_embed.texts import documents, question, statement, test_pairs
from dyn_tiny_embed.tokenizer import VOCAB_SIZE, train_tokenizer
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

DIMENSIONS = (256, 128, 64, 32)  # the first so many numbers of a vector are a vector too
TEMPERATURE = 0.05
PAIRS = 512
THIN_OUT = 0.3


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--out", required=True)
    p.add_argument("--steps", type=int, default=500)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--lr", type=float, default=1.5e-3)
    p.add_argument("--warm-up", type=int, default=100)
    p.add_argument("--device", default="cuda")
    return p.parse_args()


def config(end):
    return Qwen3Config(
        vocab_size=VOCAB_SIZE, hidden_size=256, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=64, intermediate_size=512,
        max_position_embeddings=1024, rms_norm_eps=1e-6, tie_word_embeddings=True, attention_bias=False, use_cache=False,
        bos_token_id=end, eos_token_id=end, pad_token_id=end)


def encode(tokenizer, texts, device):
    """Right-padded ids and the index of each text's last token."""
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    longest = max(map(len, ids))
    padded = torch.tensor([i + [i[-1]] * (longest - len(i)) for i in ids])
    return padded.to(device), torch.tensor([len(i) - 1 for i in ids]).to(device)


def vectors(model, ids, last):
    # Causal: what is behind a text's last token does not reach it.
    hidden = model(input_ids=ids).last_hidden_state
    return hidden[torch.arange(len(ids), device=ids.device), last].float()


def contrast(vector, meaning):
    """Every text against all others of the batch: those of its meaning are near, the rest far."""
    same = meaning[:, None] == meaning[None]
    itself = torch.eye(len(meaning), dtype=torch.bool, device=meaning.device)
    loss = 0
    for size in DIMENSIONS:
        unit = F.normalize(vector[:, :size], dim=-1)
        scores = (unit @ unit.T / TEMPERATURE).masked_fill(itself, float("-inf"))
        log_share = scores - scores.logsumexp(-1, keepdim=True)
        positive = same & ~itself
        loss = loss - (log_share.masked_fill(~positive, 0).sum(-1) / positive.sum(-1)).mean()
    return loss / len(DIMENSIONS)


@torch.no_grad()
def accuracy(model, tokenizer, pairs, device):
    model.eval()
    unit = lambda texts: F.normalize(vectors(model, *encode(tokenizer, texts, device)), dim=-1)
    nearest = (unit([text for text, _ in pairs]) @ unit(documents()).T).argmax(-1).tolist()
    model.train()
    return 100 * sum(i == j for i, (_, j) in zip(nearest, pairs)) / len(pairs)


def main():
    a, start = arguments(), time.time()
    work = tempfile.mkdtemp()
    tokenizer, end = train_tokenizer(os.path.join(work, "tokenizer.json"), a.seed)
    rng = random.Random(a.seed)
    torch.manual_seed(a.seed)
    model = Qwen3Model(config(end)).to(a.device)
    print(f"{len(MEANINGS)} meanings, {sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters", flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.lr, betas=(0.9, 0.98), weight_decay=0.05)
    held, unseen = test_pairs(500, 7), test_pairs(200, 8, unseen=True)
    for step in range(a.steps):
        drawn = [rng.randrange(len(MEANINGS)) for _ in range(PAIRS)]
        texts = [question(rng, MEANINGS[i], thin_out=THIN_OUT) for i in drawn] + [statement(rng, MEANINGS[i]) for i in drawn]
        part = min((step + 1) / a.warm_up, (a.steps - step) / a.steps)
        for group in optimizer.param_groups:
            group["lr"] = a.lr * part
        with torch.autocast(a.device, torch.bfloat16):
            vector = vectors(model, *encode(tokenizer, texts, a.device))
        loss = contrast(vector, torch.tensor(drawn * 2, device=a.device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 100 == 0:
            figures = f"held out {accuracy(model, tokenizer, held, a.device):.1f} %, unseen wording {accuracy(model, tokenizer, unseen, a.device):.1f} %"
            print(f"[{time.time() - start:6.1f}] step {step + 1}: loss {loss.item():.4f}, {figures}", flush=True)
    model.to(torch.bfloat16).cpu().save_pretrained(work)
    text = "<|endoftext|>"
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=text, pad_token=text, model_max_length=1024).save_pretrained(work)
    parts = [Transformer(work), Pooling(256, pooling_mode="lasttoken"), Normalize()]
    SentenceTransformer(modules=parts, device="cpu").save(a.out, create_model_card=False)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
