"""``seqjepa list``: what there is to choose from, out of the places where it is entered."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

OWN_FACTORY = "pkg.mod:factory"
OWN_FILE = "./file.py:factory"


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa list`` takes."""
    parser.add_argument("topic", choices=tuple(TOPICS))


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Print each name with the first line of what it means."""
    entries = TOPICS[options.topic]()
    width = max(map(len, entries))
    for name, text in entries.items():
        print(f"{name:<{width}}  {(text or '').strip().splitlines()[0]}")
    return 0


Entries = Mapping[str, str | None]


def _recipes() -> Entries:
    from seqjepa.recipes import RECIPES

    return {name: make.__doc__ for name, make in RECIPES.items()}


def _images() -> Entries:
    from seqjepa.images import SOURCES

    return {name: load.__doc__ for name, load in SOURCES.items()} | {
        "npz:PATH": "Arrays of your own, in a .npz archive.",
        "npy:PATH": "An array of your own in a .npy file, which may be larger than memory.",
        "folder:PATH": "Images of your own, a folder for each class.",
    }


def _encoders() -> Entries:
    from seqjepa.model import ENCODERS
    from seqjepa.model.split import SplitEncoder

    own = {OWN_FACTORY: "Your own (channels, width) -> nn.Module, in a module.", OWN_FILE: "The same, in a file."}
    return {**{name: make.__doc__ for name, make in ENCODERS.items()}, "split": SplitEncoder.__doc__, **own}


def _aggregators() -> Entries:
    from seqjepa.model import AGGREGATORS

    own = {OWN_FACTORY: "Your own (spec) -> nn.Module, in a module.", OWN_FILE: "The same, in a file."}
    return {**{name: make.__doc__ for name, make in AGGREGATORS.items()}, **own}


def _teachers() -> Entries:
    from seqjepa.model import TEACHERS

    own = {OWN_FACTORY: "Your own (encoder) -> nn.Module, in a module.", OWN_FILE: "The same, in a file."}
    return {**{name: make.__doc__ for name, make in TEACHERS.items()}, **own}


def _terms() -> Entries:
    from seqjepa.objective import TERMS

    return {name: term.meaning for name, term in TERMS.items()}


def _metrics() -> Entries:
    from seqjepa.diagnostics.registry import METRICS

    return {name: metric.question for name, metric in METRICS.items()}


def _figures() -> Entries:
    from seqjepa.report import FIGURES

    return {name: entry.shows for name, entry in FIGURES.items()}


TOPICS: Mapping[str, Callable[[], Entries]] = {
    "recipes": _recipes,
    "images": _images,
    "encoders": _encoders,
    "aggregators": _aggregators,
    "teachers": _teachers,
    "terms": _terms,
    "metrics": _metrics,
    "figures": _figures,
}
