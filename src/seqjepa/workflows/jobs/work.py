"""What a process of its own does, and how it ended."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar, runtime_checkable

from seqjepa.io.untrusted import is_there, open_regular
from seqjepa.types.limits import LOG_BYTES


@runtime_checkable
class Work(Protocol):
    """A run of a grid, or the diagnosis of an encoder: what does it, and where it says what it has to say."""

    @property
    def name(self) -> str:
        """What it is called; no two at once share a name."""
        ...

    @property
    def log(self) -> Path:
        """A file for what its process prints."""
        ...

    def command(self) -> list[str]:
        """The process: a program and its arguments."""
        ...


AnyWork = TypeVar("AnyWork", bound=Work)


@dataclass(frozen=True)
class Outcome(Generic[AnyWork]):
    """How a member ended: its exit code, 0 for success, and the seconds it took."""

    member: AnyWork
    code: int
    seconds: float

    def reason(self) -> str:
        """The last line that a member which failed had to say."""
        return f"{last_words(self.member.log) or 'it said nothing'} (exit code {self.code}, {self.member.log})"


def last_words(log: Path) -> str:
    """The last line of a log that says something; empty where there is none."""
    if not is_there(log):
        return ""
    with open_regular(log) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_BYTES))
        said = file.read(LOG_BYTES).decode(errors="replace")
    return next((line.strip() for line in reversed(said.split("\n")) if line.strip()), "")
