"""Whoever calls a function need not read it: what is public says what it takes."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "seqjepa"
MANY = 4  # parameters


def public_functions(path):
    """Functions and methods whose name has no underscore in front, with the names that they are reached by."""

    def within(body, before):
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node, before + node.name
                yield from within(node.body, f"{before}{node.name}.")
            elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield node, before + node.name

    yield from within(ast.parse(path.read_text()).body, "")


def parameters(node):
    """Those that a caller gives."""
    names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_what_is_public_says_what_it_takes(path):
    for node, name in public_functions(path):
        text = ast.get_docstring(node)
        assert text, f"{path.name}: {name} has no docstring"
        if isinstance(node, ast.FunctionDef) and len(parameters(node)) >= MANY:
            told = "Args:" in text or ("rguments" in text and "as in" in text)
            assert told, f"{path.name}: {name} takes {len(parameters(node))} parameters and has no Args"
