"""What SGLang imports from its CUDA kernel package, for a host without CUDA or AMX.

The names that a dense decoder model calls on the CPU are written in PyTorch; any
other name imports, and raises when it is called. The absence of
torch.ops.sgl_kernel.convert_weight_packed tells SGLang to take its plain forwards.
"""

import torch

__version__ = "0.0.0+cpu.stub"


def assign_req_to_token_pool_cpu(
    req_pool_indices, req_to_token, start_offset, end_offset, out_cache_loc, _width
):
    """Each request's new cache slots go into its row of the token table."""
    at = 0
    for row, first, end in zip(
        req_pool_indices.tolist(), start_offset.tolist(), end_offset.tolist()
    ):
        count = end - first
        req_to_token[row, first:end] = out_cache_loc[at : at + count].to(req_to_token.dtype)
        at += count


def _missing(name):
    def call(*_args, **_kwargs):
        raise NotImplementedError(f"sgl_kernel.{name} needs the real kernels")

    call.__name__ = name
    return call


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    return _missing(name)


# Looked up in torch.ops while modules are imported.
_library = torch.library.Library("sgl_kernel", "DEF")

for _name in (
    "fused_sigmoid_mul_cpu",
    "fused_qk_gemma_rmsnorm_cpu",
    "fused_qk_gemma_rmsnorm_with_gate_cpu",
    "fused_qkvzba_split_reshape_cat_contiguous_cpu",
    "fused_sigmoid_gating_delta_rule_update_cpu",
    "fused_gdn_gating_cpu",
):
    _library.define(f"{_name}(Tensor x) -> Tensor")
    _library.impl(_name, _missing(_name), "CompositeExplicitAutograd")

# Not `from`: that would ask __getattr__ first.
import sgl_kernel.host_memory as host_memory  # noqa: E402

host_memory.install()
