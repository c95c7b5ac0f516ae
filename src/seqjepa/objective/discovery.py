"""The terms that the package has: those of every module in this folder."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from seqjepa.objective.terms import Term

# Sums of floating-point numbers depend on their order: these come first, in this one, and all others by name.
FIRST = ("cosine_prediction", "pose_terms", "nt_xent", "coding_rates")


def _discovered() -> dict[str, Term]:
    modules = sorted(
        (info.name for info in pkgutil.iter_modules([str(Path(__file__).parent)]) if info.name != "discovery"),
        key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name),
    )
    found: dict[str, Term] = {}
    for module in modules:
        for value in vars(importlib.import_module(f"seqjepa.objective.{module}")).values():
            if isinstance(value, Term) and found.setdefault(value.name, value) is not value:
                raise TypeError(f"two terms of the objective are called {value.name!r}")
    return found


TERMS = _discovered()
