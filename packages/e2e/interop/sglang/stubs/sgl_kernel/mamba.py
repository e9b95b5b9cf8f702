"""Names of the kernels for linear attention; none can be called."""

from sgl_kernel import _missing


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    return _missing("mamba." + name)
