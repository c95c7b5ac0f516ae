"""Code that is not this package's may raise anything: the one place that catches it, and says it in a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from seqjepa.types.errors import InputError, OutOfMemory, WriteFailed
from seqjepa.types.texts import encodable

LONGEST = 10_000  # characters of a foreign message; whatever is longer is no message


@contextmanager
def foreign_code(what: str, kind: type[InputError] = InputError) -> Iterator[None]:
    """Within, code of others runs: an encoder, its import, a hub's library, a data set, a function of the user's.

    Every exception becomes one line that holds its own message whole; so do ``sys.exit``, which a module may call that
    was meant to be a script, and a cancelled task. An ``InputError`` is in words for users already, and Ctrl-C is the
    user's.

    Args:
        what: whose code it is, the first words of the line.
        kind: of the error that is raised.

    Raises:
        InputError: of the kind wanted, whatever the code raised.
        OutOfMemory: memory ran out, of this machine or of a GPU.
        WriteFailed: what the package itself could not write.
    """
    try:
        yield
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:  # the one blind "except": what others' code raises is not known
        if isinstance(error, OutOfMemory | WriteFailed):  # in words for users as well
            raise
        if memory_ran_out(error):
            raise OutOfMemory(f"out of memory: {what} needs more than there is ({told(error)})") from error
        raise kind(f"{what} raised {told(error)}") from error


def memory_ran_out(error: BaseException) -> bool:
    """Whether memory was lacking. PyTorch's allocator of a CPU raises a plain RuntimeError, told by its name alone."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in _message(error)


def told(error: BaseException) -> str:
    """An exception's type and message, in one line."""
    said = encodable(" ".join(_message(error).split()))
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]} …"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 (its own __str__ is foreign code too)
        return ""
