"""Code of the user's own, by name: ``pkg.mod:name`` or ``./file.py:name``."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any

from seqjepa.types import InputError
from seqjepa.types.checking import user_path
from seqjepa.types.foreign import foreign_code


def import_object(name: str, what: str = "encoder") -> Any:
    """The object that ``pkg.mod:name`` or ``./file.py:name`` names. Importing runs the module's code.

    A module is looked for in the current folder first, as by ``python -m``; a file may import its neighbours. A file is
    read anew each time.

    Args:
        name: a module or a file ending in ``.py``, a colon, and a name in it.
        what: what the object is for, the first word of an error.

    Raises:
        InputError: no such module or file, code that fails while it is imported, or no such name in it.
    """
    where, _, attribute = name.rpartition(":")
    if not where or not attribute:
        raise InputError(f"{what} {name!r}: give a module or a file and a name in it: pkg.mod:name or ./file.py:name")
    from_file = where.endswith(".py") or os.sep in where
    module = _of_file(where, name, what) if from_file else _of_name(where, name, what)
    if not hasattr(module, attribute):
        public = ", ".join(key for key, value in vars(module).items() if _own(key, value, module))
        there = f"; it has {public}" if public else ""
        raise InputError(f"{what} {name!r}: module {where!r} has no attribute {attribute!r}{there}")
    return getattr(module, attribute)


def whole_name(name: str) -> str:
    """A name of code that means the same from every folder: the path of a file in it is made absolute."""
    where, colon, attribute = name.rpartition(":")
    return f"{user_path(where, name).absolute()}:{attribute}" if colon and where.endswith(".py") else name


def call_imported(found: Callable[..., Any], name: str, what: str, *arguments: Any) -> Any:
    """What an imported function or class returns, its failure told in one line.

    Args:
        found: what ``import_object`` returned.
        name, what: as given to ``import_object``.
        arguments: to call it with.

    Raises:
        InputError: it raised; the message holds its own.
    """
    with foreign_code(f"{what} {name!r}: calling it"):
        return found(*arguments)


def _of_name(module: str, name: str, what: str) -> ModuleType:
    with _on_path(""), _failure_told(name, what):
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise  # found, but what it imports itself is missing
            here = "neither in the current folder nor installed"
            raise InputError(f"{what} {name!r}: No module named {error.name!r}, {here}") from error


def _of_file(where: str, name: str, what: str) -> ModuleType:
    file = user_path(where, what)
    if not file.is_file():
        raise InputError(f"{what} {name!r}: no file {file}")
    # A name that no import statement can mean, so that it takes no other module's place.
    spec = importlib.util.spec_from_file_location(f"seqjepa-imported-{file.stem}", file.resolve())
    if spec is None or spec.loader is None:
        raise InputError(f"{what} {name!r}: {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    with _on_path(str(file.resolve().parent)), _failure_told(name, what):
        spec.loader.exec_module(module)
    return module


@contextmanager
def _on_path(folder: str) -> Iterator[None]:
    sys.path.insert(0, folder)
    importlib.invalidate_caches()  # a module may have been written since the folder was last looked at
    try:
        yield
    finally:
        sys.path.remove(folder)


def _failure_told(name: str, what: str) -> AbstractContextManager[None]:
    return foreign_code(f"{what} {name!r}: importing it")


def _own(key: str, value: Any, module: ModuleType) -> bool:
    return not key.startswith("_") and getattr(value, "__module__", None) == module.__name__
