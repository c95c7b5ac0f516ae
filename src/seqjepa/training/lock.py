"""A folder that is one process's alone."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqjepa.types import InputError

LOCK_FILE = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder within the context. The system lets go of it when the process ends, however it ends.

    The file stays, since removing it could let two processes hold a lock each.

    Raises:
        InputError: another process holds it, named with its machine; or the file system has no locks.
    """
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(f"cannot write to the folder {folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
            raise InputError(f"{folder} is in use by {owner}; wait for it to end, or stop it") from error
        except OSError as error:
            raise InputError(f"{folder} cannot be locked ({error.strerror}); choose a folder elsewhere") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        os.close(descriptor)
