"""Published files: found where they usually lie, else fetched from a mirror, whole or not at all; verified."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from seqjepa.io.files import make_folder
from seqjepa.types import InputError
from seqjepa.types.checking import user_path

PIECE = 1 << 20
AGAIN = "Delete it to have it fetched again."


@dataclass(frozen=True)
class Published:
    """One file that is published somewhere, and how to know it.

    Attributes:
        dataset: what it belongs to, for people.
        name: as published, as in "train-images-idx3-ubyte.gz".
        mirrors: addresses that end in "/", each with the file's name behind it; tried in this order.
        folders: where it may lie below a base folder; what is fetched goes into the first.
        md5: the checksum it must have.
        of_content: the checksum is that of the content, gunzipped; then archives of another compressor count as well,
            and the unpacked file. Else it is that of the published archive, which fixes the content too.
        most: bytes; more is neither downloaded nor unpacked.
    """

    dataset: str
    name: str
    mirrors: tuple[str, ...]
    folders: tuple[str, ...]
    md5: str
    of_content: bool
    most: int


def base_folders(root: Path | None) -> list[Path]:
    """Where data may lie: ``root`` alone if given, else what SEQJEPA_DATA names, ./data, the user's cache."""
    if root is not None:
        return [root]
    environment = os.environ.get("SEQJEPA_DATA")
    named = [user_path(environment, "SEQJEPA_DATA")] if environment else []
    return [*named, Path("data"), Path(_pooch().os_cache("seqjepa"))]


def find(file: Published, root: Path | None) -> Path | None:
    """Where the file lies, not yet verified; None where it does not."""
    names = (file.name.removesuffix(".gz"), file.name) if file.of_content else (file.name,)
    folders = [base / sub for base in base_folders(root) for sub in file.folders]
    try:
        return next((path for folder in folders for path in (folder / n for n in names) if path.is_file()), None)
    except OSError as error:
        raise InputError(f"cannot look for {file.name}: {error}") from error


def find_local(name: str) -> Path | None:
    """A file of this name in the first of the usual folders that has one; None where none has."""
    return next((path for base in base_folders(None) if (path := base / name).is_file()), None)


def obtain(file: Published, root: Path | None) -> Path:
    """The file's path, fetched when it is not there; what lies there is not yet verified, what is fetched is."""
    return find(file, root) or _fetch(file, base_folders(root)[-1] / file.folders[0])


def read(file: Published, root: Path | None) -> bytearray:
    """The verified content of a gzipped file, unpacked; fetched when it is not there.

    Raises:
        InputError: it is damaged, another file, or larger than it may be; or it is not there and cannot be fetched.
    """
    path = obtain(file, root)
    content = bytearray()
    for piece in _verified(path, file, path.suffix == ".gz"):
        content += piece
    if file.of_content:
        return content
    packed, content = content, bytearray()
    with io.BytesIO(packed) as stream:
        for piece in _unpacked(stream, path, file):
            content += piece
    return content


def verify(path: Path, file: Published) -> None:
    """Raises InputError unless the file has the checksum that it must have."""
    for _ in _verified(path, file, path.suffix == ".gz"):
        pass


def _verified(path: Path, file: Published, packed: bool) -> Iterator[bytes]:
    """What the checksum is of, piece by piece; after the last one it is compared."""
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with path.open("rb") as stream:
            unpack = packed and file.of_content
            for piece in _unpacked(stream, path, file) if unpack else _pieces(stream, path, file):
                digest.update(piece)
                yield piece
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if digest.hexdigest() != file.md5:
        what = "its content has" if file.of_content else "has"
        raise InputError(
            f"{path}: {what} md5 {digest.hexdigest()}, not {file.md5}; it is damaged or another file. {AGAIN}"
        )


def _unpacked(stream: io.BufferedIOBase, path: Path, file: Published) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            yield from _pieces(unpacked, path, file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: a truncated or damaged gzip file ({error}). {AGAIN}") from error


def _pieces(stream: io.BufferedIOBase, path: Path, file: Published) -> Iterator[bytes]:
    size = 0
    while piece := stream.read(PIECE):
        size += len(piece)
        if size > file.most:
            raise InputError(f"{path}: holds more than {file.most} bytes, which no file of {file.dataset} does")
        yield piece


def _fetch(file: Published, folder: Path) -> Path:
    """From the first mirror that has it. pooch writes under a temporary name and renames what was verified."""
    import requests

    make_folder(folder)
    pooch = _pooch()
    pooch.get_logger().setLevel("WARNING")
    problems = []
    for mirror in file.mirrors:
        try:
            url = f"{mirror}{file.name}"
            download = partial(_download, file=file)
            return Path(pooch.retrieve(url, None, file.name, folder, downloader=download))
        except (requests.RequestException, ValueError, OSError) as error:
            why = "damaged or another file" if isinstance(error, InputError) else type(error).__name__
            problems.append(f"{mirror}: {why}")
    raise InputError(
        f"{file.dataset}'s file {file.name} is missing and could not be fetched ({'; '.join(problems)}). "
        f"Download it by hand from {file.mirrors[0]}{file.name} and put it into {folder.resolve()}"
    )


def _download(url: str, output_file: str, _: object, *, file: Published) -> None:
    """Into ``output_file``, with a bar; raises InputError for another file than the one that is published."""
    import requests
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
    path, size = Path(output_file), 0
    # A server may pack an answer once more for the way; the file itself is what is wanted.
    with bar, requests.get(url, stream=True, timeout=30, headers={"Accept-Encoding": "identity"}) as answer:
        answer.raise_for_status()
        promised = str(answer.headers.get("content-length", ""))
        task = bar.add_task(file.name, total=int(promised) if promised.isdecimal() else None)
        with path.open("wb") as stream:
            for piece in answer.iter_content(chunk_size=PIECE // 16):
                size += len(piece)
                if size > file.most:
                    raise InputError(f"{url}: sends more than {file.most} bytes, which no file of {file.dataset} has")
                stream.write(piece)
                bar.advance(task, len(piece))
    for _piece in _verified(path, file, file.name.endswith(".gz")):
        pass


def _pooch() -> ModuleType:
    """Imported where it is needed, without tqdm's warning of notebooks that have no widgets: its bars are not shown."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        import pooch
    return pooch
