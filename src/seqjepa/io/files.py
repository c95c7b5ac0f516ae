"""Files that are written whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import secrets
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

from seqjepa.io.rows import checked_rows
from seqjepa.io.untrusted import read_text
from seqjepa.types import InputError, WriteFailed
from seqjepa.types.limits import ROWS_BYTES


def check_file(path: Path) -> None:
    """Raises InputError when a file cannot be written there, a folder being in its place; makes the file's folder."""
    make_folder(path.parent)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give a file in it")


def check_regular(path: Path) -> None:
    """Raises InputError when what has this name is a folder, a pipe, a device or a link, which cannot be written to."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path}: cannot be looked at ({error.strerror})") from error
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: {_kind(mode)} where a file belongs; remove it")


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe"}
    return kinds.get(stat.S_IFMT(mode), "a special file")


def check_folder(path: Path) -> None:
    """Refuse a folder that could not be made or written to, and make nothing.

    Raises:
        InputError: what is there of its path is no folder, or may not be written to.
    """
    there = next(above for above in (path.absolute(), *path.absolute().parents) if above.exists())
    try:
        tempfile.TemporaryFile(dir=there).close()  # it has no name, so nothing is left even by a kill
    except OSError as error:
        raise InputError(f"cannot write to the folder {path}: {error.strerror}") from error


def make_folder(path: Path) -> Path:
    """A folder that can be written to. Raises InputError when it is not."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise InputError(f"cannot write to the folder {path}: {error.strerror}") from error
    return path


def file_part(name: str) -> str:
    """Any name, a layer's, as part of a file's: "/" and ":" and the like as in an address; ``unquote`` undoes it."""
    return quote(name, safe="")


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write under a temporary name in the same folder, flush to the disk, rename, and flush the folder.

    A process killed while it writes leaves the temporary file behind: see ``remove_leftovers``.

    Raises:
        WriteFailed: the disk is full, the folder is gone or cannot be written to; no part of the file is left.
    """
    try:
        _write_atomic(path, content)
    except OSError as error:
        raise WriteFailed(f"cannot write {path}: {error.strerror}") from error


def _write_atomic(path: Path, content: bytes | str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "nt":  # Windows opens no folder as a file
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_leftovers(folder: Path, name: str) -> None:
    """Remove what a killed ``write_atomic`` left of the files called ``name``, a pattern.

    Only for whoever alone may write them: another's unfinished file looks the same.
    """
    for leftover in folder.glob(f".{name}.*.tmp"):
        if not leftover.is_dir():
            leftover.unlink(missing_ok=True)


def read_rows(path: Path) -> list[dict[str, float]]:
    """The rows of a table of numbers with a heading, such as metrics.csv, each without its empty cells.

    Raises:
        InputError: it cannot be read, or is no table of metrics: see ``checked_rows``.
    """
    try:
        table = csv.DictReader(io.StringIO(read_text(path, ROWS_BYTES), newline=""))
        names = table.fieldnames or []
        if len(set(names)) < len(names):
            raise ValueError("a column stands there twice")
        return checked_rows(({k: float(v) for k, v in row.items() if v} for row in table), path)
    except InputError:
        raise
    except (ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: not a readable table of metrics ({' '.join(str(error).split())[:200]})") from error
