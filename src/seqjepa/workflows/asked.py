"""What is asked of a diagnosis, checked before anything is encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqjepa.types import InputError
from seqjepa.types.checking import check_texts


def check_lists(**given: Any) -> None:
    """Raises InputError for what is no list of names; baselines may also be None, or encoders by name."""
    for name, values in given.items():
        if name != "baselines" or not (values is None or isinstance(values, Mapping)):
            check_texts(name, values)


def check_metrics(metrics: Any) -> None:
    """Raises InputError for what is no list."""
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        raise InputError(f"metrics: a list of Metrics is needed, not a {type(metrics).__name__}")
