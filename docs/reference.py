"""The reference pages that are made from the code: the public names, and the command line from its own parser."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
from pathlib import Path

import seqjepa
from seqjepa.cli.app import _parser

STUB = Path(seqjepa.__file__).with_name("__init__.pyi")
PARTS = {
    "Diagnose": (
        "diagnostics",
        "workflows.diagnosing",
        "workflows.many",
        "workflows.encoders",
        "sweeps",
        "sweeps.arrays",
        "extraction",
    ),
    "Encoders": ("encoders", "training", "training.saved"),
    "Images and factors": ("images", "factors", "types"),
    "Train and share": ("objective", "recipes", "workflows.sharing"),
    "Reports and comparisons": ("report", "report.comparison", "report.inline"),
    "Checks, monitors and loops": (
        "workflows.checking",
        "workflows.equivariance",
        "workflows.monitor",
        "workflows.own_loop",
    ),
}


def public_names() -> dict[str, str]:
    """Each public name with the module that it is imported from."""
    found = {}
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name: node.module or "" for alias in node.names}
    return found


def api() -> str:
    """A heading a part, and for each public name where mkdocstrings finds it."""
    names, lines = public_names(), []
    left = dict(names)
    for title, modules in PARTS.items():
        of = [name for name, module in names.items() if module in modules]
        lines += [f"## {title}", ""]
        for name in of:
            found = getattr(seqjepa, name)
            home = getattr(found, "__module__", f"seqjepa.{names[name]}")
            lines += [f"::: {_written_in(home, name)}", ""]
            left.pop(name)
    if left:
        lines += ["## More", ""]
        for name, module in left.items():
            home = getattr(getattr(seqjepa, name), "__module__", f"seqjepa.{module}")
            lines += [f"::: {_written_in(home, name)}", ""]
    return "\n".join(lines)


def _written_in(module: str, name: str) -> str:
    defined = importlib.import_module(module)
    return f"{module}.{name}" if hasattr(defined, name) else f"seqjepa.{name}"


def command_line() -> str:
    """Every command with its options and their defaults."""
    parser = _parser()
    [commands] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    lines = []
    for name, sub in commands.choices.items():
        lines += [f"## seqjepa {name}", "", _text(sub.description or ""), ""]
        rows = [row for action in sub._actions if (row := _row(action))]
        if rows:
            lines += ["| argument | meaning | default |", "|---|---|---|", *rows, ""]
        if nested := [action for action in sub._actions if isinstance(action, argparse._SubParsersAction)]:
            for inner, of in nested[0].choices.items():
                lines += [f"### seqjepa {name} {inner}", "", _text(of.description or ""), ""]
                rows = [row for action in of._actions if (row := _row(action))]
                lines += ["| argument | meaning | default |", "|---|---|---|", *rows, ""] if rows else []
        if sub.epilog:
            lines += ["```", sub.epilog.strip(), "```", ""]
    return "\n".join(lines)


def _row(action: argparse.Action) -> str:
    if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
        return ""
    name = ", ".join(f"`{flag}`" for flag in action.option_strings) or f"`{action.metavar or action.dest}`"
    choices = f" One of {', '.join(map(str, action.choices))}." if action.choices else ""
    default = "" if action.default in (None, False, [], argparse.SUPPRESS) else f"`{_plain(action.default)}`"
    text = _text((action.help or "") % {"default": _plain(action.default), "prog": "seqjepa"})
    return f"| {name} | {text}{choices} | {default} |"


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _text(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
