"""Representations as they come, part by part: in memory, or in files from which a killed process's work goes on."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from jaxtyping import Float
from torch import Tensor

from seqjepa.io.files import make_folder, write_atomic
from seqjepa.io.untrusted import parse_json, read_text
from seqjepa.types import InputError, WriteFailed

LOG = logging.getLogger(__name__)
FLUSH_SECONDS = 5.0  # what a kill may cost
JOURNAL, LAYOUT, LOCK = "journal.txt", "layout.json", ".lock"


class InMemory:
    """Parts in memory. A part is a run of images and a run of their views, of one sweep.

    Attributes:
        batch_size: views of a batch, as they were last cut; None where nothing was encoded.
    """

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Tensor]] = {}
        self.batch_size: int | None = None

    def keep_batch_size(self, size: int) -> None:
        """Say how views are cut from here on."""
        self.batch_size = size

    def there(self, name: str) -> int:
        """How many views of a sweep were there before: none."""
        return 0

    def missing(self, name: str, count: int, views: int, who: slice, which: slice) -> bool:
        """Whether any view of a part is not there yet.

        Args:
            name: of the sweep.
            count, views: images, and views of each, that there will be.
            who, which: the part's images and views.
        """
        return True

    def put(self, name: str, count: int, views: int, who: slice, which: slice, codes: Mapping[str, Tensor]) -> None:
        """A part's representations (B, V, D), by layer.

        Args:
            name, count, views, who, which: as in ``missing``.
            codes: by layer.
        """
        into = self._found.setdefault(name, {})
        for layer, z in codes.items():
            if layer not in into:
                into[layer] = torch.empty(count, views, z.shape[-1])
            into[layer][who, which] = z

    def whole(self, name: str) -> dict[str, Float[Tensor, "N V _"]]:
        """All of a sweep, by layer."""
        return self._found.get(name, {})


class OnDisk:
    """Parts in files of one folder, mapped into memory: what was put is there after a kill, but for the last seconds.

    A journal says what is there; it is written after the representations are on the disk, never before. The size of a
    batch stands in it too, so that a process that goes on cuts the views as the killed one did, and gets the same bits.
    One process at a time has the folder; another waits for it, and then finds everything there.

    Args:
        folder: its name is the key of what is in it, see ``key_of``.
        dims: dimensions of each layer's representation.

    Raises:
        InputError: the folder cannot be written to, or does not hold what it should.
    """

    def __init__(self, folder: Path, dims: Mapping[str, int]) -> None:
        self._folder, self._dims = make_folder(folder), dict(dims)
        self._lock = FileLock(folder / LOCK)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:  # the system lets go of it when that process ends, however it ends
            LOG.info("waiting for another process, which encodes the same views (%s)", folder)
            self._lock.acquire()
        self._files: dict[tuple[str, str], np.memmap] = {}
        self._there: dict[str, np.ndarray] = {}
        self._unwritten: list[str] = []
        self._flushed = time.monotonic()
        self.batch_size: int | None = None
        self._begin()

    def _begin(self) -> None:
        layout, journal = self._folder / LAYOUT, self._folder / JOURNAL
        wanted = json.dumps({"dims": self._dims})
        if layout.exists() and read_text(layout) != wanted:
            raise InputError(f"{self._folder}: holds sweeps of other layers; remove it, or give another cache")
        write_atomic(layout, wanted)
        if journal.exists():
            text = read_text(journal)
            whole = text.rpartition("\n")[0].splitlines()  # a kill may have left half of a line
            write_atomic(journal, "".join(f"{line}\n" for line in whole))
            for line in whole:
                self._read(line)

    def _read(self, line: str) -> None:
        try:
            entry: dict[str, Any] = parse_json(line)
            if "batch" in entry:
                self.batch_size = int(entry["batch"])
                return
            there = self._mask(entry["name"], *entry["shape"])
            first, last, start, stop = entry["part"]
            there[first:last, start:stop] = True
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise InputError(f"{self._folder / JOURNAL}: damaged ({error}); remove {self._folder}") from error

    def keep_batch_size(self, size: int) -> None:
        """Say how views are cut from here on."""
        if size != self.batch_size:
            self.batch_size = size
            self._unwritten.append(json.dumps({"batch": size}))

    def there(self, name: str) -> int:
        """See ``InMemory``."""
        return int(self._there[name].sum()) if name in self._there else 0

    def missing(self, name: str, count: int, views: int, who: slice, which: slice) -> bool:
        """Whether any view of a part is not there yet; arguments as in ``InMemory``."""
        return not self._mask(name, count, views)[who, which].all()

    def put(self, name: str, count: int, views: int, who: slice, which: slice, codes: Mapping[str, Tensor]) -> None:
        """A part's representations; arguments as in ``InMemory``. Raises WriteFailed when the disk is full."""
        for layer, z in codes.items():
            self._file(layer, name, count, views)[who, which] = z.numpy()
        self._mask(name, count, views)[who, which] = True
        part = [who.start, who.stop, which.start, which.stop]
        self._unwritten.append(json.dumps({"name": name, "shape": [count, views], "part": part}))
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def whole(self, name: str) -> dict[str, Float[Tensor, "N V _"]]:
        """See ``InMemory``; the tensors are the files."""
        if name not in self._there:
            return {}
        shape = self._there[name].shape
        found = {}
        for layer, dim in self._dims.items():
            self._file(layer, name, *shape)  # so that it is there
            # Copy-on-write: what is done with the tensors does not reach the files.
            mapped = np.memmap(self._path(layer, name), np.float32, "c", shape=(*shape, dim))
            found[layer] = torch.from_numpy(mapped)
        return found

    def flush(self) -> None:
        """Bring everything to the disk, representations first. Raises WriteFailed when it is full."""
        try:
            for file in self._files.values():
                file.flush()
            with (self._folder / JOURNAL).open("a") as journal:
                journal.writelines(f"{line}\n" for line in self._unwritten)
                journal.flush()
                os.fsync(journal.fileno())
        except OSError as error:
            raise WriteFailed(f"cannot write to {self._folder}: {error.strerror}") from error
        self._unwritten, self._flushed = [], time.monotonic()

    def close(self) -> None:
        """Flush, and let another process have the folder."""
        self.flush()
        self._lock.release()

    def _mask(self, name: str, count: int, views: int) -> np.ndarray:
        """Which views of a sweep are there. Raises InputError for another number of them than before."""
        there = self._there.setdefault(name, np.zeros((count, views), dtype=bool))
        if there.shape != (count, views):
            raise InputError(f"{self._folder}: holds sweeps of another design; remove it, or give another cache")
        return there

    def _file(self, layer: str, name: str, count: int, views: int) -> np.memmap:
        if (layer, name) not in self._files:
            path = self._path(layer, name)
            shape = (count, views, self._dims[layer])
            size = 4 * count * views * self._dims[layer]
            try:
                with path.open("ab") as file:
                    file.truncate(size)
                    if hasattr(os, "posix_fallocate"):  # a full disk is told of now, and not by a signal later
                        os.posix_fallocate(file.fileno(), 0, size)
                self._files[layer, name] = np.memmap(path, np.float32, "r+", shape=shape)
            except OSError as error:
                raise WriteFailed(f"cannot write {path}: {error.strerror}") from error
        return self._files[layer, name]

    def _path(self, layer: str, name: str) -> Path:
        stem = hashlib.sha256(f"{name}\n{layer}".encode()).hexdigest()[:16]  # a layer's name need not be a file's
        return self._folder / f"{stem}.f32"


Parts = InMemory | OnDisk
