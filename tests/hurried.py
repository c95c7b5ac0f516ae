"""For tests of how things are wired, and not of how well something is read: a diagnosis in a hurry.

Networks are trained for a moment, and what ideals are told is computed once a design: it depends on nothing else.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache

import pytest
import torch


@contextmanager
def hurried():
    from seqjepa.diagnostics import assembly
    from seqjepa.diagnostics.measures import probes
    from seqjepa.workflows import beside

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "STEPS", 1)  # which is one epoch
        for module in (assembly, beside):
            patch.setattr(module, "ideal_values", _remembered())
        yield


@pytest.fixture(autouse=True)
def hurry():
    """For a folder's conftest.py: all its tests in a hurry, though not fixtures of a wider scope."""
    with hurried():
        yield


@pytest.fixture
def few_figures():
    """Pages have three figures at most: all of them are drawn in tests/report."""
    from seqjepa.report import FIGURES

    with pytest.MonkeyPatch.context() as patch:
        for name in set(FIGURES) - {"spectra", "rotation_circle", "training"}:
            patch.delitem(FIGURES, name)
        yield


@cache
def _remembered():
    from seqjepa.diagnostics.guard import Guard
    from seqjepa.diagnostics.ideals import ideal_values, known_sweeps

    known = {}

    def remembered(sweeps, seed, blocks, guard=None):
        guard = guard or Guard()
        made = _digest(known_sweeps(sweeps)), seed, tuple(blocks.items())
        if made in known:
            return known[made]
        found = ideal_values(sweeps, seed, blocks, guard)
        if not guard.left_out:  # what fails is told to every guard
            known[made] = found
        return found

    return remembered


def _digest(of):
    """Of everything that ``of`` holds."""
    found = hashlib.sha256()

    def add(part):
        if isinstance(part, torch.Tensor):
            found.update(f"{part.dtype} {tuple(part.shape)}".encode() + part.contiguous().numpy().tobytes())
        elif isinstance(part, Mapping):
            for name, value in part.items():
                found.update(repr(name).encode())
                add(value)
        elif is_dataclass(part):
            add({field.name: getattr(part, field.name) for field in fields(part)})
        elif isinstance(part, Sequence) and not isinstance(part, str):
            add(dict(enumerate(part)))
        else:
            found.update(repr(part).encode())

    add(of)
    return found.digest()
