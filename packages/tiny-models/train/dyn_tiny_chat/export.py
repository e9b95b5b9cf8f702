"""The trained model as a Hugging Face directory."""
import json
import os

import torch
from safetensors.torch import save_file

from .model import CONFIG


def _write(folder, name, value):
    with open(os.path.join(folder, name), "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def export_model(model, folder, im_end, end_of_text):
    """Writes model.safetensors (bf16, tied head left out), config.json and generation_config.json."""
    tensors = {k: v.detach().to(torch.bfloat16).contiguous().cpu() for k, v in model.state_dict().items()}
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    _write(folder, "config.json", dict(
        architectures=["Qwen3ForCausalLM"], model_type="qwen3", hidden_act="silu", tie_word_embeddings=True, attention_bias=False, attention_dropout=0.0,
        torch_dtype="bfloat16", use_cache=True, use_sliding_window=False, sliding_window=None, max_window_layers=CONFIG["num_hidden_layers"],
        rope_scaling=None, initializer_range=0.02, bos_token_id=end_of_text, eos_token_id=im_end, pad_token_id=end_of_text, **CONFIG))
    _write(folder, "generation_config.json", dict(eos_token_id=[im_end, end_of_text], pad_token_id=end_of_text, do_sample=False))
