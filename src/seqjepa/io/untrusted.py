"""Files that others may have written: read without running anything, without waiting, and within bounds.

What is refused is refused with ``InputError``, in one line that names the file: anything but a regular file (a pipe
would never end), text that is too long or no UTF-8, YAML with tags, aliases (which can grow without bound) or a key
twice, JSON with numbers that are not finite or a key twice, archives whose arrays are not what their headers promise.
"""

from __future__ import annotations

import json
import lzma
import math
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Collection, Hashable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import yaml

from seqjepa.types import InputError
from seqjepa.types.limits import ARRAYS, DIGITS, JSON_BYTES, JSON_VALUES, NESTED, TEXT_LETTERS, YAML_BYTES, YAML_NODES

UNREADABLE = (  # what a zip archive raises that is none, or damaged
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # encrypted; nested too deeply; a method of compression that is not there
)

# Without waiting for who writes into a pipe; Windows has none of the first two, and reads text unless told otherwise.
READING = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
MAX_YAML, MAX_TEXT = YAML_BYTES, JSON_BYTES
MAX_RATIO, FREE = 200, 64 << 20  # an archive above FREE bytes may unpack to MAX_RATIO times its size


def is_there(path: Path) -> bool:
    """Whether anything has this name: a pipe or a broken link is not missing, but refused when it is opened."""
    return os.path.lexists(path)


def open_regular(path: Path) -> BinaryIO:
    """A file opened for reading, which is neither a folder nor a device nor a pipe. Raises InputError."""
    try:
        file = open(os.open(path, READING), "rb")  # noqa: SIM115 (the caller closes it)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InputError(f"{path}: not a regular file")
    return file


def read_text(path: Path, limit: int = MAX_TEXT) -> str:
    """A text in UTF-8 of at most ``limit`` bytes. Raises InputError."""
    try:
        with open_regular(path) as file:
            if (size := os.fstat(file.fileno()).st_size) > limit:
                raise InputError(f"{path}: longer than {limit} bytes")
            content = file.read(size)  # and no more, should it grow
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text in UTF-8 ({error.reason} at byte {error.start})") from error


def parse_yaml(text: str, name: Path | str) -> Any:
    """Plain YAML: no tags, no aliases, no key twice. ``name`` is what a mistake is reported of. Raises InputError."""
    try:
        return yaml.load(text, _PlainLoader)  # noqa: S506 (a SafeLoader)
    except RecursionError:
        raise InputError(f"{name}: not a readable YAML file: nested too deeply") from None
    except (yaml.YAMLError, ValueError, AttributeError) as error:  # ValueError, AttributeError: values like 2001-99-99
        raise InputError(f"{name}: not a readable YAML file: {' '.join(str(error).split())[:300]}") from error


def read_yaml(path: Path) -> Any:
    """``parse_yaml`` of a file. Raises InputError."""
    return parse_yaml(read_text(path, MAX_YAML), path)


class _PlainLoader(yaml.SafeLoader):
    """Values alone, and no more of them than are read in a second or two."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.nodes = self.depth = 0

    def compose_node(self, parent, index):
        self.nodes += 1
        if self.nodes > YAML_NODES:
            raise yaml.YAMLError(f"more than {YAML_NODES} keys and values")
        if self.depth > NESTED:
            raise yaml.YAMLError(f"nested too deeply, in more than {NESTED} levels")
        self.depth += 1
        try:
            return self._composed(parent, index)
        finally:
            self.depth -= 1

    def _composed(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"aliases are not read{self.peek_event().start_mark}")
        if (tag := getattr(self.peek_event(), "tag", None)) is not None:
            raise yaml.YAMLError(f"the tag {tag!r} is not read{self.peek_event().start_mark}")
        return super().compose_node(parent, index)

    def construct_scalar(self, node):
        value = super().construct_scalar(node)
        if len(value) > TEXT_LETTERS:
            raise yaml.YAMLError(f"a text of {len(value)} letters; {TEXT_LETTERS} are the most{node.start_mark}")
        value.encode()  # a half of a surrogate pair is no text: UnicodeEncodeError, a ValueError
        return value

    def construct_yaml_int(self, node):
        value = super().construct_yaml_int(node) if len(node.value) <= 2 * DIGITS else 10**DIGITS
        if abs(value) >= 10**DIGITS:
            raise yaml.YAMLError(f"a whole number of more than {DIGITS} digits{node.start_mark}")
        return value

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, Hashable):
                raise yaml.YAMLError(f"a key that is a {type(name).__name__}{node.start_mark}")
            if name in seen:
                raise yaml.YAMLError(f"the key {name!r:.80} stands there twice{node.start_mark}")
            seen.add(name)
        return super().construct_mapping(node, deep)


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.construct_yaml_int)


def parse_json(text: str) -> Any:
    """JSON of finite numbers and real text, no key twice. Raises ValueError."""
    if (values := text.count(",") + text.count(":")) > JSON_VALUES:
        raise ValueError(f"{values} values, more than {JSON_VALUES}")
    hooks = {"parse_constant": _not_finite, "parse_float": _finite, "parse_int": _whole}
    try:
        found = json.loads(text, object_pairs_hook=_once, **hooks)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if re.search(r"\\u[dD][89a-fA-F]", text):
        json.dumps(found, ensure_ascii=False).encode()  # a half of a surrogate pair is no text
    return found


def _not_finite(name: str) -> float:
    raise ValueError(f"{name} is not finite")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _not_finite(digits[:30])


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > DIGITS:
        raise ValueError(f"a whole number of {len(digits)} digits; {DIGITS} are the most")
    return int(digits)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def read_npz(path: Path, wanted: Collection[str] | None = None) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays of a NumPy archive, and the names of all in it; with ``wanted`` only those of them that are there.

    Nothing is unpickled, and nothing allocated before an array's header agrees with what the archive holds.

    Raises:
        InputError: not such an archive; damaged; an array of objects; or one that unpacks to more than ``MAX_RATIO``
            times the archive's size, above ``FREE`` bytes.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            if len(archive.infolist()) > ARRAYS:
                raise InputError(f"{path}: holds {len(archive.infolist())} files; {ARRAYS} arrays are the most")
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            names = [info.filename.removesuffix(".npy") for info in members]
            chosen = [(n, i) for n, i in zip(names, members) if wanted is None or n in wanted]
            if len(dict(chosen)) < len(chosen):
                raise InputError(f"{path}: holds two arrays of one name")
            total, size = sum(info.file_size for _, info in chosen), os.fstat(file.fileno()).st_size
            if total > max(FREE, MAX_RATIO * size):
                raise InputError(
                    f"{path}: {size} bytes that unpack to {total}, more than {MAX_RATIO} times as many; "
                    "save it without compression (numpy.savez) if it is what it should be"
                )
            return {name: _array(path, archive, info) for name, info in chosen}, names
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(f"{path}: not a readable .npz archive ({' '.join(str(error).split())[:200]})") from error


def _array(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{info.filename} is of the version {version[0]}.{version[1]} of the format")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(member)
        header = member.tell()
    if dtype.hasobject:
        raise ValueError(f"{info.filename} is an array of objects, which are not unpickled")
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != info.file_size - header:
        raise ValueError(f"{info.filename} of shape {shape} and type {dtype} is not what {info.file_size} bytes hold")
    with archive.open(info) as member:
        return np.lib.format.read_array(member, allow_pickle=False)
