"""A folder that is one process's alone."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from seqjepa.io.files import check_regular, write_atomic
from seqjepa.io.untrusted import is_there, read_text
from seqjepa.types import InputError
from seqjepa.types.limits import LOG_BYTES

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # what a file system says without them
LOCK_FILE = ".lock"
HOLDER_FILE = ".lock-holder"  # beside it, since a locked file cannot be read everywhere


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder within the context. The system lets go of it when the process ends, however it ends.

    Both files stay, since removing the lock could let two processes hold one each.

    Raises:
        InputError: another process holds it, named with its machine; the file system has no locks; or what is called
            like the lock is no file.
        WriteFailed: the disk is full.
    """
    lock, holder = FileLock(folder / LOCK_FILE), folder / HOLDER_FILE
    for path in (folder / LOCK_FILE, holder):
        check_regular(path)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        owner = read_text(holder, LOG_BYTES)[:200] if is_there(holder) else "another process"
        raise InputError(f"{folder} is in use by {owner}; wait for it to end, or stop it") from error
    except OSError as error:
        if error.errno in NO_LOCKS:
            raise InputError(f"{folder} cannot be locked ({error.strerror}); choose a folder elsewhere") from error
        raise InputError(f"cannot write to the folder {folder}: {error.strerror}") from error
    try:
        write_atomic(holder, f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        lock.release()
