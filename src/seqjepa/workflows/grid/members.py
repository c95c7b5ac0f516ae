"""The members of a grid: which runs a grid and a number of seeds make, and what they are called."""

from __future__ import annotations

import itertools
import math
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqjepa.io.files import make_folder, write_atomic
from seqjepa.io.untrusted import is_there
from seqjepa.training.config import Config, config_from_yaml, with_whole_paths
from seqjepa.training.overrides import apply_overrides
from seqjepa.training.saved import MODEL_FILE
from seqjepa.training.trust import named_code
from seqjepa.types import InputError
from seqjepa.types.limits import MEMBERS


@dataclass(frozen=True)
class Member:
    """One run of a grid.

    Attributes:
        point: the grid's fields and their values here.
        root: the folder of the grid.
    """

    point: dict[str, str]
    config: Config
    root: Path

    @property
    def name(self) -> str:
        """The same whenever and however the grid is started: ``objective.rate.weight=0.003_seed=0``."""
        parts = [*(f"{field}={value}" for field, value in self.point.items()), f"seed={self.config.seed}"]
        return re.sub(r"[^\w.=,+-]", "-", "_".join(parts))

    @property
    def folder(self) -> Path:
        """The run's own."""
        return self.root / self.name

    @property
    def log(self) -> Path:
        """What its process printed."""
        return self.root / "logs" / f"{self.name}.txt"

    @property
    def finished(self) -> bool:
        """Whether it reached its last epoch."""
        return (self.folder / MODEL_FILE).is_file()

    def command(self) -> list[str]:
        """What trains it: from the start, or on from where it stopped."""
        command = [sys.executable, "-P", "-m", "seqjepa"]  # -P: the current folder is no place to find packages in
        # Whoever planned the grid was asked about code that its configuration names, or typed the name.
        trusted = ["--trust"] if named_code(self.config) else []
        if is_there(self.folder / "config.yaml"):
            return [*command, "resume", str(self.folder), *trusted]
        return [*command, "train", "--config", str(self._config_file), "--out", str(self.folder), *trusted]

    @property
    def _config_file(self) -> Path:
        return self.root / "configs" / f"{self.name}.yaml"

    def prepare(self) -> None:
        """Write what its process needs."""
        for path in (self._config_file, self.log):
            make_folder(path.parent)
        write_atomic(self._config_file, self.config.to_yaml())


def parse_grid(given: Sequence[str]) -> dict[str, list[str]]:
    """``["model.width=8,16"]`` as ``{"model.width": ["8", "16"]}``. Raises InputError for what is not of this form."""
    grid: dict[str, list[str]] = {}
    for text in given:
        field, equals, values = text.partition("=")
        listed = [value.strip() for value in values.split(",")]
        if not equals or not field or not all(listed):
            raise InputError(f"--grid {text!r}: give a field and its values, as in objective.rate.weight=0.003,0.01")
        if field in grid:
            raise InputError(f"--grid {field} is given twice; list all its values at once")
        grid[field.replace("-", "_")] = listed
    return grid


def make_members(config: Config, grid: Mapping[str, Sequence[str]], seeds: int, folder: Path) -> list[Member]:
    """Every combination of the grid's values, each with ``seeds`` seeds from the configuration's own upwards.

    Args:
        config: what all members share.
        grid: values by field, as on the command line; a range has a space, ``factors.rotation=-30 30,-75 75``.
        seeds: runs at each point.
        folder: of the grid, with a folder for each member.

    Raises:
        InputError: a value that the field does not take, two that are the same, or a member's folder that holds a run
            of another configuration.
    """
    if "seed" in grid:
        raise InputError("--grid seed: say how many seeds with --seeds, and the first one with --seed")
    count = math.prod(map(len, grid.values())) * seeds
    if count > MEMBERS:
        raise InputError(f"--grid: {count} runs; {MEMBERS} are the most, fewer values or --seeds")
    members = []
    for values in itertools.product(*grid.values()):
        overrides = [token for field, value in zip(grid, values) for token in (f"--{field}", *value.split())]
        at_point = apply_overrides(config, overrides)
        point = {field: _plainly(at_point, field) for field in grid}
        for seed in range(config.seed, config.seed + seeds):
            members.append(Member(point, with_whole_paths(apply_overrides(at_point, ["--seed", str(seed)])), folder))
    names = Counter(member.name for member in members)
    for member in members:
        if names[member.name] > 1:
            raise InputError(f"--grid: {member.name} comes up twice")
        saved = member.folder / "config.yaml"
        if is_there(saved) and config_from_yaml(saved, trust=True) != member.config:
            raise InputError(f"{member.folder} holds a run of another configuration; name another folder with --out")
    return members


def _plainly(config: Config, field: str) -> str:
    """A field's value as it is shown and named: 0.003, none, or -30,30 for a range."""
    value = config
    for part in field.split("."):
        value = getattr(value, part)
    if isinstance(value, tuple):
        return ",".join(f"{bound:g}" for bound in value)
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
