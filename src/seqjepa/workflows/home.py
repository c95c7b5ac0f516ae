"""The folder in which a diagnosis is saved: whose it is, and each part as soon as it is known."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from seqjepa.diagnostics import Diagnosis
from seqjepa.io.environment import read_environment
from seqjepa.io.files import check_folder, check_regular, file_part, make_folder, write_atomic
from seqjepa.io.untrusted import is_there, read_text
from seqjepa.sweeps import Sweeps
from seqjepa.training.folder import write_environment
from seqjepa.types import InputError, WriteFailed
from seqjepa.types.checking import user_path

LOG = logging.getLogger(__name__)
ENVIRONMENT, CONFIG = "environment.yaml", "config.yaml"
SAVING = "saving "
DONE = "done.json"  # written last: its key says of what everything beside it is
PARTS = (DONE, "diagnosis.json", "diagnosis-*.json", "sweeps.safetensors", "sweeps-*.safetensors")


class Home:
    """A folder for one diagnosis, or None, which saves nothing.

    What an earlier diagnosis of the same encoder left there is removed when the first part of the new one is saved, so
    that the two never mix, and one that fails before that leaves the earlier as it was.

    Args:
        folder: where; None for nowhere.
        diagnosed: what is diagnosed, by name.
        named: whether the layer stands in the names of the files.
        kept: files that are not removed, wherever they are.
        sweeps: that are diagnosed; where they lie in the folder, what it holds is their encoder's.

    Attributes:
        unsaved: what could not be written, with the reason.

    Raises:
        InputError: the folder cannot be written to, is a training run's own, or holds the diagnosis of something else.
    """

    def __init__(
        self,
        folder: str | Path | None,
        diagnosed: str,
        *,
        named: bool = False,
        kept: Sequence[str | Path] = (),
        sweeps: str | Path | None = None,
    ) -> None:
        self.folder = None if folder is None else user_path(folder, "folder")
        self._diagnosed, self._named, self._begun = diagnosed, named, False
        self.unsaved: dict[str, str] = {}
        self._kept = {user_path(path).resolve() for path in kept}
        if self.folder is None:
            return
        check_folder(self.folder)
        if is_there(self.folder / CONFIG):
            inside = self.folder / "diagnosis"
            raise InputError(f"{self.folder} is a training run's own folder; give a folder in it, as in --out {inside}")
        for part in self._parts():
            check_regular(part)
        if sweeps is not None and user_path(sweeps).resolve().parent == self.folder.resolve():
            self._diagnosed = self._owner()
        elif any(self._parts()) and (there := self._owner()) != diagnosed:
            raise InputError(f"{self.folder} holds a diagnosis of {there}; give another folder with --out")

    def begin(self, seed: int, device: str) -> None:
        """Make the folder and say what will be in it. Raises InputError when that cannot be done."""
        self._seed, self._device = seed, device
        if self.folder is not None:
            make_folder(self.folder)

    def save_sweeps(self, layer: str, sweeps: Sweeps) -> None:
        """Save a layer's sweeps."""
        self._save("sweeps", layer, "safetensors", sweeps)

    def save_diagnosis(self, layer: str, diagnosis: Diagnosis) -> None:
        """Save a layer's diagnosis, in place of what was known of it before."""
        self._save("diagnosis", layer, "json", diagnosis)

    def finish(self, key: str | None) -> None:
        """Say that all of it is there: nothing if some of it could not be saved, or has no key."""
        if self.folder is not None and key is not None and not self.unsaved:
            write_atomic(self.folder / DONE, json.dumps({"key": key}))

    def finished(self, key: str | None) -> dict[str, Diagnosis] | None:
        """The diagnoses by layer, where the folder holds the whole of this key. Raises InputError for damaged ones."""
        if self.folder is None or key is None or not is_there(self.folder / DONE):
            return None
        if read_text(self.folder / DONE) != json.dumps({"key": key}):
            return None
        return saved_diagnoses(self.folder, named=self._named)

    def _save(self, kind: str, layer: str, ending: str, what: Sweeps | Diagnosis) -> None:
        """A disk that is full costs the file, and not what took minutes: that can still be shown."""
        name = f"{kind}{f'-{file_part(layer)}' * self._named}.{ending}"
        try:
            if (path := self._path(name)) is not None:
                what.save(path)
        except WriteFailed as error:
            if SAVING + name not in self.unsaved:
                LOG.warning("not saved: %s", error)
            self.unsaved[SAVING + name] = str(error)
        else:
            self.unsaved.pop(SAVING + name, None)
            if path is not None and kind == "sweeps":
                LOG.info("saved: %s", path)

    def _path(self, name: str) -> Path | None:
        if self.folder is None:
            return None
        if not self._begun:
            precision = "float32 representations, float64 estimates"
            write_environment(self.folder, self._seed, self._device, precision, diagnosed=self._diagnosed)
            self._begun = True
            for old in self._parts():
                old.unlink()
        return self.folder / name

    def _parts(self) -> list[Path]:
        if self.folder is None:
            return []
        return [path for part in PARTS for path in self.folder.glob(part) if path.resolve() not in self._kept]

    def _owner(self) -> str:
        assert self.folder is not None
        path = self.folder / ENVIRONMENT
        known = read_environment(path).diagnosed if is_there(path) else None
        return "something else" if known is None else known[:200]


def saved_diagnoses(folder: Path, *, named: bool) -> dict[str, Diagnosis]:
    """By layer, what a folder holds; ``named``: the layer stands in the files' names. Raises InputError for damage."""
    paths = sorted(folder.glob("diagnosis-*.json" if named else "diagnosis.json"))
    found = [Diagnosis.load(path) for path in paths]
    by_place = sorted(found, key=lambda one: int(one.metadata.get("layer_index", 0)))
    return {str(one.metadata["layer"]) if named else "z": one for one in by_place}
