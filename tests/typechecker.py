"""Every call of the package is checked while its tests run: shapes by jaxtyping, all else by beartype.

jaxtyping's own decorator checks parameters twice, for the sake of its messages, and keeps a scope of shapes for
functions that have none. Here each annotation is checked once, and only functions with shapes have a scope.
"""

import dataclasses
import functools
import inspect
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

# As the language sees numbers: an int is welcome where a float is.
typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))


_jaxtyped = jaxtyping.jaxtyped


def install():
    """Before the package is imported. jaxtyping's hook decorates all that it finds there, here with ``checked``."""
    jaxtyping.jaxtyped = checked
    jaxtyping.install_import_hook("seqjepa", "tests.typechecker.typechecker")


def checked(made=None, *, typechecker):
    """In the place of ``jaxtyping.jaxtyped``: of a function, or of a dataclass, whose fields are checked."""
    if made is None:
        return functools.partial(checked, typechecker=typechecker)
    if inspect.isclass(made):
        if dataclasses.is_dataclass(made) and not hasattr(made.__init__, "__wrapped__"):
            made.__init__ = checked(made.__init__, typechecker=typechecker)
        return made
    if inspect.isgeneratorfunction(made):  # whose body runs in the scopes of whoever asks for the next
        return _jaxtyped(made, typechecker=typechecker)
    if not made.__annotations__:
        return made
    written = made.__annotations__
    made.__annotations__ = {name: _resolved(hint, made.__globals__) for name, hint in written.items()}
    shapes = any(_has_shapes(hint) for hint in made.__annotations__.values())
    once = typechecker(made)
    made.__annotations__ = once.__annotations__ = written
    if not shapes:
        return once

    @functools.wraps(made)
    def call(*args, **kwargs):
        __tracebackhide__ = True
        with _jaxtyped("context"):
            return once(*args, **kwargs)

    return call


def _resolved(hint, names):
    """What is imported for type checkers alone, or is local, is anything."""

    def of(value):
        del value

    of.__annotations__ = {"value": hint}
    try:
        return get_type_hints(of, names, include_extras=True)["value"]
    except NameError:
        return Any


def _has_shapes(hint):
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(_has_shapes(part) for part in (hint if isinstance(hint, list) else get_args(hint)))
