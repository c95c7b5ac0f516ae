"""The command line: parses, calls, prints. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from seqjepa.cli import compare, diagnose, grid, images, report
from seqjepa.cli.messages import shown_messages

if TYPE_CHECKING:
    from seqjepa.training import Config, Result

DESCRIPTION = "Which transformation lives where in a learned representation? Train seq-JEPA and look inside."
EPILOG = """examples:
  seqjepa demo                                        embedded digits, a minute or two on a laptop
  seqjepa train mnist_affine_fast --seed 1            a recipe, with a field of its configuration changed
  seqjepa train mnist_affine --factors.rotation -30 30 --objective.rate.weight 0.003
  seqjepa train mnist_affine --help                   every field, its meaning and its default
  seqjepa resume runs/mnist_affine-20260105-120000    go on where a run stopped
  seqjepa grid digits --grid model.width=8,16 --seeds 3   many runs, compared
  seqjepa diagnose runs/mnist_affine-20260105-120000  where each transformation lives in its representation
  seqjepa report runs/mnist_affine-20260105-120000    the same as a page with figures
  seqjepa compare runs/one runs/two                   what differs, in settings and in estimates
"""
TOPICS = ("recipes", "images", "encoders", "terms", "metrics", "figures")
FAILED, MISUSED, STOPPED = 1, 2, 128  # STOPPED + the signal's number


class Misuse(Exception):
    """Arguments that cannot be understood; one line for the user."""


class Parser(argparse.ArgumentParser):
    """argparse, but a mistake is one line and not a usage text."""

    def error(self, message: str) -> NoReturn:
        """Raises Misuse with the message and where to read more."""
        raise Misuse(f"{message}; see '{self.prog} --help'")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns 0 on success, 1 when it failed, 2 for a user's mistake, 130 when interrupted (Ctrl-C), 143 when terminated.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(given)
    except Misuse as error:
        return _complain(error, MISUSED)
    except KeyboardInterrupt as interruption:
        return STOPPED + getattr(interruption, "signal", signal.SIGINT)


def _run(given: list[str]) -> int:
    parser = _parser()
    own, overrides = _split_overrides(given, OWN_FLAGS[given[0]]) if given and given[0] in OWN_FLAGS else (given, [])
    options, unknown = parser.parse_known_args(own)
    if unknown:
        raise Misuse(f"'{options.name}' has no option {unknown[0]}; see 'seqjepa {options.name} --help'")

    from seqjepa.types import (  # brings torch, which '--help' can do without
        InputError,
        LostProcess,
        OutOfMemory,
        WriteFailed,
    )

    try:
        return options.command(options, overrides)
    except InputError as error:
        return _complain(error, MISUSED)
    except (FloatingPointError, LostProcess, OutOfMemory, WriteFailed) as error:
        return _complain(error, FAILED)


def _complain(error: Exception, code: int) -> int:
    for line in str(error).split("\n"):
        plain = "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in line)
        print(f"seqjepa: {plain}", file=sys.stderr)
    return code


def _parser() -> Parser:
    parser = Parser(
        prog="seqjepa", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)

    def add(name: str, command: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text, add_help=name != "train")
        sub.set_defaults(command=command)
        return sub

    sub = add("demo", demo, "train on embedded digits and show what came of it; needs no data and no network")
    sub.add_argument("--out", type=Path, help="folder of the run (default: runs/digits-TIME)")
    sub = add("train", train, "train a recipe, or a saved configuration")
    sub.add_argument("recipe", nargs="?", help="see 'seqjepa list recipes'")
    sub.add_argument("--config", type=Path, help="a saved config.yaml instead of a recipe")
    sub.add_argument("--out", type=Path, help="folder of the run (default: runs/NAME-TIME)")
    sub.add_argument("--dry-run", action="store_true", help="print the resolved configuration and stop")
    sub.add_argument("-h", "--help", action="store_true", help="every field of the recipe's configuration")
    sub = add("resume", resume, "go on with a run exactly where it stopped")
    sub.add_argument("run", type=Path, help="the run's folder")
    grid.add_grid_arguments(add("grid", train_grid, "train a grid of configurations, several seeds each, and compare"))
    sub = add("diagnose", diagnose.run, "in which subspaces of an encoder's representation each factor lives")
    diagnose.add_diagnose_arguments(sub)
    sub = add("compare", compare.run, "runs or diagnoses side by side, differences paired over images")
    compare.add_compare_arguments(sub)
    sub = add("report", report.run, "one page with every figure of a diagnosed run, which explains itself")
    report.add_report_arguments(sub)
    sub = add("export", export, "a run's encoder as an ONNX file, its normalisation inside")
    sub.add_argument("run", type=Path, help="the run's folder, its model.safetensors or a checkpoint")
    sub.add_argument("file", type=Path, help="where to write it, as in model.onnx")
    sub.add_argument("--trust", action="store_true", help="load a run with an encoder of one's own, which runs code")
    images.add_images_arguments(add("images", images.run, "image sources: list, download and verify them"))
    sub = add("list", list_topic, "what there is to choose from")
    sub.add_argument("topic", choices=TOPICS)
    return parser


# Commands that take fields of the configuration, with the flags that are their own.
OWN_FLAGS = {"train": ("--config", "--out", "--dry-run", "--help", "-h"), "grid": grid.OWN_FLAGS}


def _split_overrides(given: list[str], own_flags: Sequence[str]) -> tuple[list[str], list[str]]:
    """The command's own arguments, and ``--field value …`` for the configuration: a value never starts with "--"."""
    own: list[str] = []
    overrides: list[str] = []
    into = own
    for token in given:
        if token.startswith("--") or token == "-h":
            into = own if token.partition("=")[0] in own_flags else overrides
        into.append(token)
    return own, overrides


def demo(options: argparse.Namespace, overrides: list[str]) -> int:
    """Train, diagnose and report on embedded digits."""
    from seqjepa.report.summary import headline
    from seqjepa.workflows.demo import run_demo

    with shown_messages():
        done = run_demo(options.out, progress=sys.stderr.isatty())
    code = _finish(done.result)
    if done.record is not None:
        print("\n".join(headline(done.record.diagnosis)))
        print(f"\nreport: {done.page}")
    return code


def train(options: argparse.Namespace, overrides: list[str]) -> int:
    """Train a recipe or a saved configuration, or explain its fields."""
    if options.help and options.recipe is None:
        return _print_train_help()
    config = _base_config(options)
    if options.help:
        return _print_fields(config)
    from seqjepa.training.overrides import apply_overrides

    config = apply_overrides(config, overrides)
    if options.dry_run:
        print(config.to_yaml(), end="")
        return 0
    from seqjepa.workflows.runs import train_run

    return _finish(train_run(config, options.out))


def train_grid(options: argparse.Namespace, overrides: list[str]) -> int:
    """Train a grid of configurations."""
    from seqjepa.training.overrides import apply_overrides

    return grid.run(apply_overrides(_base_config(options), overrides), options)


def _base_config(options: argparse.Namespace) -> Config:
    """The recipe's configuration, or the saved one."""
    from seqjepa.recipes import RECIPES
    from seqjepa.training.config import config_from_yaml

    if (options.recipe is None) == (options.config is None):
        raise Misuse(f"{options.name} takes a recipe or --config FILE; see 'seqjepa list recipes'")
    if options.recipe is not None and options.recipe not in RECIPES:
        raise Misuse(f"recipe {options.recipe!r} is not one of {', '.join(RECIPES)}")
    return RECIPES[options.recipe]() if options.recipe else config_from_yaml(options.config)


def resume(options: argparse.Namespace, overrides: list[str]) -> int:
    """Go on with a run."""
    from seqjepa.workflows.runs import resume_run

    return _finish(resume_run(options.run))


def _finish(result: Result) -> int:
    from seqjepa.training.progress import print_summary

    if result.rank == 0:
        print_summary(result.rows)
        print(
            f"run: {result.folder}"
            + ("" if result.complete else f"\ninterrupted; go on with: seqjepa resume {result.folder}")
        )
    return 0 if result.complete else STOPPED + (result.stopped_by or signal.SIGINT)


def export(options: argparse.Namespace, overrides: list[str]) -> int:
    """Write a run's encoder as an ONNX file."""
    from seqjepa.training.export import export_onnx

    saved = export_onnx(options.run, options.file, trust=options.trust)
    print(f"saved: {saved}: images (B, C, H, W) in [0, 1] to z (B, D)")
    return 0


def list_topic(options: argparse.Namespace, overrides: list[str]) -> int:
    """Print what there is to choose from."""
    from seqjepa.diagnostics.registry import METRICS
    from seqjepa.images import SOURCES
    from seqjepa.model import ENCODERS
    from seqjepa.objective import TERMS
    from seqjepa.recipes import RECIPES
    from seqjepa.report import FIGURES

    entries = {
        "recipes": {name: make.__doc__ for name, make in RECIPES.items()},
        "images": {name: load.__doc__ for name, load in SOURCES.items()}
        | {
            "npz:PATH": "Arrays of your own, in a .npz archive.",
            "npy:PATH": "An array of your own in a .npy file, which may be larger than memory.",
            "folder:PATH": "Pictures of your own, a folder for each class.",
        },
        "encoders": {name: make.__doc__ for name, make in ENCODERS.items()}
        | {"pkg.mod:factory": "Your own (channels, width) -> nn.Module."},
        "terms": {name: term.meaning for name, term in TERMS.items()},
        "metrics": {name: metric.question for name, metric in METRICS.items()},
        "figures": {name: entry.shows for name, entry in FIGURES.items()},
    }[options.topic]
    width = max(map(len, entries))
    for name, text in entries.items():
        print(f"{name:<{width}}  {(text or '').strip().splitlines()[0]}")
    return 0


def _print_train_help() -> int:
    print(
        "usage: seqjepa train RECIPE [--config FILE] [--out FOLDER] [--dry-run] [--any.config.field VALUE …]\n\n"
        "Train a recipe ('seqjepa list recipes') or a saved configuration (--config FILE).\n"
        "'seqjepa train RECIPE --help' explains every field; --dry-run prints the resolved configuration."
    )
    return 0


def _print_fields(config: Config) -> int:
    import shutil

    from seqjepa.training.fields import help_text

    _print_train_help()
    print(f"\n{help_text(config, shutil.get_terminal_size().columns)}")
    return 0
