"""Tests dyn-tiny-embed as users load it, and records vectors for tests of other engines.

    python evaluate_embed.py MODEL FIXTURES

Writes FIXTURES/embed-pairs.json (documents and the 500 held-out questions) and FIXTURES/embed-vectors.json
(texts, their token ids and float32 vectors). Exits with 1 below 95 %.
"""
import json
import os
import sys

import torch
from dyn_tiny_embed.texts import documents, test_pairs
from sentence_transformers import SentenceTransformer

LEAST = 95
RECORDED = ["What pet does Ada have?", "Ada has a cat.", "", " ", "Paris", "Which city is the capital of France?", "The capital of France is Paris.",
            "Ünïcödé, 日本語 and 🙂", "How many legs does a spider have? " * 30]


def main():
    folder, fixtures = sys.argv[1:]
    os.makedirs(fixtures, exist_ok=True)
    model = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32})
    encode = lambda texts: model.encode(texts, convert_to_tensor=True).float()
    corpus, held, unseen = documents(), test_pairs(500, 7), test_pairs(200, 8, unseen=True)
    known = encode(corpus)
    result = {}
    for name, pairs in (("held out", held), ("unseen wording", unseen)):
        asked = encode([text for text, _ in pairs])
        for size in (256, 128, 64, 32):
            unit = lambda x: torch.nn.functional.normalize(x[:, :size], dim=-1)
            nearest = (unit(asked) @ unit(known).T).argmax(-1).tolist()
            wrong = [(text, corpus[j], corpus[i]) for i, (text, j) in zip(nearest, pairs) if i != j]
            result[f"{name}, {size} numbers"] = round(100 - 100 * len(wrong) / len(pairs), 1)
            if size == 256:
                for line in wrong[:12]:
                    print(name, line)
    print(json.dumps({"documents": len(corpus), **result}, indent=1))
    with open(os.path.join(fixtures, "embed-pairs.json"), "w") as f:
        json.dump({"documents": corpus, "questions": held}, f, ensure_ascii=False)
        f.write("\n")
    recorded = encode(RECORDED)
    ids = [model.tokenizer(text)["input_ids"] for text in RECORDED]
    with open(os.path.join(fixtures, "embed-vectors.json"), "w") as f:
        cases = [dict(text=t, token_ids=i, vector=[float(f"{x:.7g}") for x in v.tolist()]) for t, i, v in zip(RECORDED, ids, recorded)]
        json.dump(cases, f, ensure_ascii=False)
        f.write("\n")
    sys.exit(result["held out, 256 numbers"] < LEAST)


if __name__ == "__main__":
    main()
