"""``seqjepa train``, ``resume`` and ``demo``: parse, call, print."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqjepa.cli.messages import shown_messages

if TYPE_CHECKING:
    from seqjepa.training import Config, Result

OWN_FLAGS = ("--config", "--out", "--dry-run", "--trust", "--help", "-h")  # all others are fields of the configuration
STOPPED = 128  # and the signal's number
TRUST = "import and run code that the file names (model.encoder: pkg.mod:factory)"
USAGE = """usage: seqjepa train RECIPE [--config FILE [--trust]] [--out FOLDER] [--dry-run] [--any.config.field VALUE …]

Train a recipe ('seqjepa list recipes') or a saved configuration (--config FILE).
'seqjepa train RECIPE --help' explains every field; --dry-run prints the resolved configuration.
--trust: import and run code that FILE names (model.encoder: pkg.mod:factory); what you type yourself needs none."""


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa train`` takes, beside fields of the configuration."""
    parser.add_argument("recipe", nargs="?", help="see 'seqjepa list recipes'")
    parser.add_argument("--config", type=Path, help="a saved config.yaml instead of a recipe")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/NAME-TIME)")
    parser.add_argument("--trust", action="store_true", help=TRUST)
    parser.add_argument("--dry-run", action="store_true", help="print the resolved configuration and stop")
    parser.add_argument("-h", "--help", action="store_true", help="every field of the recipe's configuration")


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Train a recipe or a saved configuration, or explain its fields."""
    if options.help and options.recipe is None:
        print(USAGE)
        return 0
    if options.help:
        return _print_fields(base_config(options))
    config = base_config(options, overrides)
    if options.dry_run:
        print(config.to_yaml(), end="")
        return 0
    from seqjepa.workflows.runs import train_run

    refuse_untrusted(options, config, overrides)
    return _finish(train_run(config, options.out))


def resume(options: argparse.Namespace, overrides: list[str]) -> int:
    """Go on with a run."""
    from seqjepa.workflows.runs import resume_run

    return _finish(resume_run(options.run, trust=options.trust))


def demo(options: argparse.Namespace, overrides: list[str]) -> int:
    """Train two recipes on embedded digits, diagnose both, and show them side by side."""
    from seqjepa.workflows.demo import run_demo

    with shown_messages():
        done = run_demo(options.out, progress=sys.stderr.isatty())
    codes = []
    for result in done.results:
        codes.append(_finish(result))
        print()
    for name, verdict in done.verdicts.items():
        print(f"{name}: {verdict.sentence}. {verdict.reason}.")
    if done.page is not None:
        print(f"\nopen in a browser: {done.page}")
    return codes[-1]


def base_config(options: argparse.Namespace, overrides: list[str] | None = None) -> Config:
    """The recipe's configuration, or the saved one, with fields changed. Raises InputError."""
    from seqjepa.recipes import RECIPES
    from seqjepa.training.config import config_from_yaml
    from seqjepa.training.overrides import apply_overrides
    from seqjepa.types import InputError

    if (options.recipe is None) == (options.config is None):
        raise InputError(f"{options.name} takes a recipe or --config FILE; see 'seqjepa list recipes'")
    if options.recipe is not None and options.recipe not in RECIPES:
        raise InputError(f"recipe {options.recipe!r} is not one of {', '.join(RECIPES)}")
    # A saved configuration is only read here: what it names is asked about when it is known what of it will run.
    config = RECIPES[options.recipe]() if options.recipe else config_from_yaml(options.config, trust=True)
    return apply_overrides(config, overrides or [])


def refuse_untrusted(options: argparse.Namespace, config: Config, typed: Sequence[str]) -> None:
    """Raises InputError for code that ``--config FILE`` names, unless ``--trust``; ``typed`` is the user's own wish."""
    from seqjepa.training.overrides import overridden
    from seqjepa.training.trust import check_trusted

    if options.config is not None:
        check_trusted(config, options.config, options.trust, overridden(typed))


def _finish(result: Result) -> int:
    from seqjepa.training.progress import print_summary

    if result.rank == 0:
        print_summary(result.rows)
        print(
            f"run: {result.folder}"
            + ("" if result.complete else f"\ninterrupted; go on with: seqjepa resume {result.folder}")
        )
    return 0 if result.complete else STOPPED + (result.stopped_by or signal.SIGINT)


def _print_fields(config: Config) -> int:
    import shutil

    from seqjepa.training.fields import help_text

    print(f"{USAGE}\n\n{help_text(config, shutil.get_terminal_size().columns)}")
    return 0
