"""What can go wrong, told apart by type; each message is for the user."""

from __future__ import annotations


class InputError(ValueError):
    """A mistake in what the user gave; the message is for them: it names the thing and the valid choices."""


class NotIdentifiable(InputError):
    """A question that these data cannot answer; the message says why. Never a 0 or a 1 in its place."""


class LostProcess(RuntimeError):
    """Another process of the same run is gone; the message is for the user."""


class OutOfMemory(RuntimeError):
    """A run needs more memory than there is; the message says what to make smaller."""


class WriteFailed(OSError):
    """A file could not be written; what was there before is as it was. The message is for the user."""
