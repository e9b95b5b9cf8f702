"""A Qwen3-shaped decoder for packed rows, with Hugging Face's tensor names.

bf16 arithmetic over float32 weights; the head is the embedding.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.attention.flex_attention import flex_attention

CONFIG = dict(vocab_size=4096, hidden_size=256, num_hidden_layers=8, num_attention_heads=4, num_key_value_heads=2, head_dim=64, intermediate_size=512,
              rope_theta=10000.0, rms_norm_eps=1e-6, max_position_embeddings=4096)


class Norm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight, CONFIG["rms_norm_eps"]).to(torch.bfloat16)


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


def rotate(x, cos, sin):
    """Rotary positions. x: [batch, heads, tokens, dim]; cos, sin: [batch, 1, tokens, dim / 2]."""
    a, b = x.float().chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1).to(torch.bfloat16)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads, self.dim = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        hidden = c["hidden_size"]
        self.q_proj, self.o_proj = linear(hidden, self.heads * self.dim), linear(self.heads * self.dim, hidden)
        self.k_proj, self.v_proj = linear(hidden, self.kv_heads * self.dim), linear(hidden, self.kv_heads * self.dim)
        self.q_norm, self.k_norm = Norm(self.dim), Norm(self.dim)

    def forward(self, x, cos, sin, mask):
        batch, tokens, _ = x.shape
        split = lambda y, heads: y.view(batch, tokens, heads, self.dim)
        q = rotate(self.q_norm(split(self.q_proj(x), self.heads)).transpose(1, 2), cos, sin)
        k = rotate(self.k_norm(split(self.k_proj(x), self.kv_heads)).transpose(1, 2), cos, sin)
        v = split(self.v_proj(x), self.kv_heads).transpose(1, 2)
        y = flex_attention(q, k, v, block_mask=mask, enable_gqa=True)
        return self.o_proj(y.transpose(1, 2).reshape(batch, tokens, self.heads * self.dim))


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden, inner = c["hidden_size"], c["intermediate_size"]
        self.gate_proj, self.up_proj, self.down_proj = linear(hidden, inner), linear(hidden, inner), linear(inner, hidden)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self_attn, self.mlp = Attention(c), Mlp(c)
        self.input_layernorm, self.post_attention_layernorm = Norm(c["hidden_size"]), Norm(c["hidden_size"])

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = Norm(c["hidden_size"])


class Model(nn.Module):
    def __init__(self, c=CONFIG):
        super().__init__()
        self.model = Body(c)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                # the two matrices that write to the residual stream start small
                gain = 0.1 if "o_proj" in name or "down_proj" in name else 0.8
                nn.init.normal_(p, std=0.02 if "embed" in name else p.shape[1] ** -0.5 * gain)
        frequency = c["rope_theta"] ** (-torch.arange(0, c["head_dim"], 2).float() / c["head_dim"])
        angle = torch.arange(c["max_position_embeddings"]).float()[:, None] * frequency
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, tokens, positions, index, target, mask):
        """tokens, positions: [rows, tokens]. index: flat positions whose next token is learnt, target: that token, -1 for none.

        Returns the mean loss and where the likeliest token was right.
        """
        x = self.model.embed_tokens(tokens).to(torch.bfloat16)
        cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        for layer in self.model.layers:
            x = layer(x, cos, sin, mask)
        x = self.model.norm(x.reshape(-1, x.shape[-1])[index])
        logits = F.linear(x, self.model.embed_tokens.weight.to(torch.bfloat16)).float()
        return F.cross_entropy(logits, target, ignore_index=-1), logits.argmax(-1) == target
