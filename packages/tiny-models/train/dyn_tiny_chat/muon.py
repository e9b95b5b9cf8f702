"""Muon: momentum whose update is made orthogonal, for the matrices of the model.

Newton-Schulz iteration with the five published coefficient triples of the polar-express schedule, on
stacks of matrices of equal shape.
"""
from collections import defaultdict

import torch

COEFFICIENTS = [(4.0848, -6.8946, 2.9270), (3.9505, -6.3029, 2.6377), (3.7418, -5.5913, 2.3037), (2.8769, -3.1427, 1.2046), (2.8366, -3.0525, 1.2012)]


@torch.compile(dynamic=False)
def orthogonal(stack):
    """[n, rows, columns] -> the nearest orthogonal matrices, roughly, in bf16."""
    x = stack.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * 1.02 + 1e-6)
    for a, b, c in COEFFICIENTS:
        s = x @ x.mT
        x = a * x + (b * s + c * (s @ s)) @ x
    return x.mT if tall else x


class Muon:
    def __init__(self, parameters, weight_decay):
        groups = defaultdict(list)
        for p in parameters:
            groups[tuple(p.shape)].append(p)
        self.groups, self.weight_decay = list(groups.values()), weight_decay
        self.momenta = [torch.zeros(len(g), *g[0].shape, device=g[0].device) for g in self.groups]

    @torch.no_grad()
    def step(self, lr, momentum):
        for group, m in zip(self.groups, self.momenta):
            gradient = torch.stack([p.grad for p in group])
            m.lerp_(gradient, 1 - momentum)
            scale = max(1, group[0].shape[0] / group[0].shape[1]) ** 0.5
            update = orthogonal(gradient.lerp(m, momentum)).float() * scale
            torch._foreach_mul_(group, 1 - lr * self.weight_decay)
            torch._foreach_add_(group, list(update.unbind(0)), alpha=-lr)
