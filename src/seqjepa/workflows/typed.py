"""A diagnosis as one would type it: the keywords of ``diagnose_encoder`` as a command."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from seqjepa.types import InputError
from seqjepa.workflows.diagnosing import diagnose_encoder
from seqjepa.workflows.inputs import chosen_factors

FLAGS = ("trust", "circular_mask")  # without a value
OWN = ("progress", "reuse", "folder", "cache")  # said by whoever starts the process
_OBJECT = "given as an object, which other processes cannot have; name it"


def diagnose_command(name: str, encoder: Any, folder: Path, options: Mapping[str, Any]) -> tuple[str, ...]:
    """What another process does the same with as ``diagnose_encoder(encoder, folder=folder, reuse=True, **options)``.

    Args:
        name: of the encoder, for messages.
        encoder: by its name, see ``open_encoder``.
        folder: where its diagnosis is saved.
        options: keywords of ``diagnose_encoder``; ``scene`` names one, in place of ``images``.

    Raises:
        InputError: something that has no name.
        TypeError: a keyword that ``diagnose_encoder`` does not have.
    """
    known = [*signature(diagnose_encoder).parameters, "scene"]
    if unknown := [option for option in options if option not in known]:
        raise TypeError(f"diagnose_encoder() got an unexpected keyword argument {unknown[0]!r}")
    if not isinstance(encoder, str | Path):
        raise InputError(f"encoder {name!r}: {_OBJECT}")
    # -P: the current folder is no place to find packages in
    command = [sys.executable, "-P", "-m", "seqjepa", "diagnose", "--reuse", f"--out={folder}"]
    command.append(f"--{'encoder' if options.get('weights') is None else 'model'}={encoder}")
    cache = options.get("cache")
    command.append(f"--cache={'none' if cache is None else cache}")
    for option, given in options.items():
        if option not in OWN and given is not None:
            command += _typed(option, given)
    return tuple(command)


def _typed(option: str, given: Any) -> list[str]:
    if option in FLAGS:
        return [f"--{'' if given else 'no-'}{option.replace('_', '-')}"] if given or option == "circular_mask" else []
    if option == "factors":
        if not isinstance(given, Mapping):
            raise InputError("factors: give ranges by name; Factors are objects, which other processes cannot have")
        chosen_factors(given, None)
        return [text for name, ends in given.items() for text in _flag(name, list(ends))]
    if option == "preprocess" and isinstance(given, Mapping):
        return [text for name, value in given.items() for text in _flag(name, value)]
    if option == "preprocess" and given == "auto":
        return []
    if option in ("metrics", "layers", "skip") and len(given) == 0:
        return []
    if option == "metrics":
        raise InputError(f"metrics: {_OBJECT}")
    return _flag(option, given)


def _flag(option: str, given: Any) -> list[str]:
    flag = f"--{option.replace('_', '-')}"
    if isinstance(given, Sequence) and not isinstance(given, str):
        return [flag, *(_word(option, each) for each in given)]
    return [f"{flag}={_word(option, given)}"]


def _word(option: str, given: Any) -> str:
    if isinstance(given, float):
        return np.format_float_positional(given, trim="-")  # all of its digits; argparse takes -1e-5 for an option
    if isinstance(given, bool) or not isinstance(given, str | Path | int):
        raise InputError(f"{option}: {_OBJECT}")
    return str(given)
