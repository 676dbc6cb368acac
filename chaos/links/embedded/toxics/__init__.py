"""Toxics: what is done to the bytes of a link. One toxic, one file; it registers itself.

To add one, copy a file of this package: its module is imported here because it is in this folder.
"""

from __future__ import annotations

import importlib
import pkgutil

from chaos.links.embedded.toxics.base import Toxic, named, names, register

__all__ = ["Toxic", "named", "names", "register"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
