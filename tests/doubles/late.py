"""Modules that are imported when something of them is used, not when tests are collected."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Late:
    """Stands for a module that takes long to import; what is read of it is the module's own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # pytest looks for its marks on whatever a file has
            raise AttributeError(attribute)
        return getattr(self.module, attribute)

    @property
    def module(self) -> Any:
        """The module itself. Raises `ImportError` where it isn't installed."""
        return import_module(self._name)
