"""The command line: parses, calls, prints. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from seqjepa.cli import check, cite, compare, diagnose, equivariance, export, grid, images, listing, report, train
from seqjepa.cli.environment import wrong_number

DESCRIPTION = "Where does each transformation live in a learned representation? Train seq-JEPA, diagnose any encoder."
EPILOG = """examples:
  seqjepa demo                                        two recipes side by side; two minutes on a laptop
  seqjepa train mnist_affine_fast --seed 1            a recipe, with a field of its configuration changed
  seqjepa train mnist_affine --factors.rotation -30 30 --objective.rate.weight 0.003
  seqjepa train mnist_affine --help                   every field, its meaning and its default
  seqjepa resume runs/mnist_affine-20260105-120000    go on where a run stopped
  seqjepa grid digits --grid model.width=8,16 --seeds 3   many runs, compared
  seqjepa diagnose runs/mnist_affine-20260105-120000  where each transformation lives in its representation
  seqjepa report runs/mnist_affine-20260105-120000    the same as a page with figures
  seqjepa compare runs/one runs/two                   what differs, in settings and in estimates
  seqjepa check runs/one --require "overlap[rotation,scale] <= 0.1"   exit code 0 pass, 1 fail, 3 undecided
"""
FAILED, MISUSED, PIPE_CLOSED = 1, 2, 128 + 13  # as a shell says of SIGPIPE


class Misuse(Exception):
    """Arguments that cannot be understood; one line for the user."""


class Parser(argparse.ArgumentParser):
    """argparse, but a mistake is one line and not a usage text."""

    def error(self, message: str) -> NoReturn:
        """Raises Misuse with the message and where to read more."""
        raise Misuse(f"{message}; see '{self.prog} --help'")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns 0 on success, 1 when it failed, 2 for a user's mistake, 130 when interrupted (Ctrl-C), 143 when terminated,
    141 when nobody reads its output any more (as in ``| head -1``); ``check`` also 3, when its requirements are
    undecided.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of ASCII gets "?" for what it cannot show
            stream.reconfigure(errors="replace")
    try:
        try:
            return _run(given)
        finally:
            sys.stdout.flush()  # here, where it can be caught, and not when Python ends
    except BrokenPipeError:  # whoever read has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Misuse as error:
        return _complain(error, MISUSED)
    except KeyboardInterrupt as interruption:
        return train.STOPPED + getattr(interruption, "signal", signal.SIGINT)


def _run(given: list[str]) -> int:
    parser = _parser()
    own, overrides = _split_overrides(given, OWN_FLAGS[given[0]]) if given and given[0] in OWN_FLAGS else (given, [])
    options, unknown = parser.parse_known_args(own)
    if unknown:
        raise Misuse(f"'{options.name}' has no option {unknown[0]}; see 'seqjepa {options.name} --help'")
    if wrong := wrong_number(os.environ):
        raise Misuse(wrong)
    try:
        Path.cwd()
    except OSError as error:  # removed, or on a disk that is
        raise Misuse(f"the current folder cannot be used ({error.strerror}); change into another") from error
    os.environ["MPLBACKEND"] = "agg"  # figures go into files, whatever windows the environment names

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

    sub = add("demo", train.demo, "two recipes on embedded digits, diagnosed, side by side; no data, no network needed")
    sub.add_argument("--out", type=Path, help="folder of both runs and their page (default: runs/demo-TIME)")
    train.add_train_arguments(add("train", train.run, "train a recipe, or a saved configuration"))
    sub = add("resume", train.resume, "go on with a run exactly where it stopped")
    sub.add_argument("run", type=Path, help="the run's folder")
    sub.add_argument("--trust", action="store_true", help=train.TRUST)
    grid.add_grid_arguments(add("grid", grid.run, "train a grid of configurations, several seeds each, and compare"))
    sub = add("diagnose", diagnose.run, "where each factor lives in an encoder's representation")
    diagnose.add_diagnose_arguments(sub)
    sub = add(
        "check-equivariance", equivariance.run, "is an encoder equivariant as it was built to be, layer by layer?"
    )
    equivariance.add_equivariance_arguments(sub)
    sub = add("compare", compare.run, "runs or diagnoses side by side, differences paired over images")
    compare.add_compare_arguments(sub)
    check.add_check_arguments(add("check", check.run, "whether a diagnosis meets requirements, told by the exit code"))
    sub = add("report", report.run, "one self-explaining page with every figure of a diagnosed run")
    report.add_report_arguments(sub)
    export.add_export_arguments(add("export", export.run, "a run's encoder as an ONNX file, its normalisation inside"))
    images.add_images_arguments(add("images", images.run, "image sources: list, download and verify them"))
    add("cite", cite.run, "what to cite, as BibTeX")
    listing.add_list_arguments(add("list", listing.run, "what there is to choose from"))
    return parser


# Commands that take fields of the configuration, with the flags that are their own.
OWN_FLAGS = {"train": train.OWN_FLAGS, "grid": grid.OWN_FLAGS}


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
