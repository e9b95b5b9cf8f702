"""Lets NIXL move the KV pool of a CPU engine.

SGLang registers its pool as device memory ("VRAM"), which NIXL refuses where the
pool is ordinary memory. Here an agent's "VRAM" is "DRAM".
"""

import importlib.abc
import importlib.machinery
import sys

_TARGETS = ("nixl_cu12._api", "nixl_cu13._api")


def _patch(module):
    agent = module.nixl_agent
    original = agent.__init__

    def __init__(self, *args, **kwargs):
        original(self, *args, **kwargs)
        self.nixl_mems = dict(self.nixl_mems, VRAM=self.nixl_mems["DRAM"])

    agent.__init__ = __init__


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in _TARGETS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            _patch(module)

        spec.loader.exec_module = exec_module
        return spec


def install():
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for name in _TARGETS:
        if name in sys.modules:
            _patch(sys.modules[name])
