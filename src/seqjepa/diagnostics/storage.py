"""A diagnosis.json: its schema, and how it is read. What figures and tables need of a file is checked here alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, model_validator
from torch import Tensor

from seqjepa.diagnostics.details import checked_details
from seqjepa.diagnostics.diagnosis import DIRECTIONS, SCHEMA, Diagnosis, Split
from seqjepa.diagnostics.estimate import Estimate, Key, Samples
from seqjepa.diagnostics.metric import Metric
from seqjepa.diagnostics.registry import METRICS
from seqjepa.io.schemas import Name, Number, Plain, Stored, Text, briefly, checked
from seqjepa.io.untrusted import parse_json, read_text
from seqjepa.types import InputError, limits

Of = Name | Annotated[list[Name], Field(min_length=1, max_length=8)]
Series = Annotated[list[Number], Field(max_length=limits.SAMPLES)]
Place = Annotated[int, Field(ge=0, lt=limits.IDENTITIES)]
Places = Annotated[list[Place], Field(min_length=1, max_length=limits.IDENTITIES)]
SHORT = 4 * limits.NAME_LETTERS  # letters of a baseline's name, which can be a file's


def _ascending(ends: list[float]) -> list[float]:
    if ends[0] > ends[1]:
        raise ValueError(f"an interval from {ends[0]:g} to {ends[1]:g}")
    return ends


Interval = Annotated[list[Number], Field(min_length=2, max_length=2), AfterValidator(_ascending)]


class StoredSamples(Stored):
    """``Samples``."""

    numerator: Series = Field(default_factory=list)
    denominator: Series = Field(default_factory=list)
    resampled: Series = Field(default_factory=list)
    left_out: Series = Field(default_factory=list)


class StoredEstimate(Stored):
    """``Estimate``, with its metric and its key."""

    metric: Name
    of: Of
    value: Number | None
    interval: Interval | None = None
    null: Number | None = None
    null_is: Text = ""
    verdict: Text = ""
    reason: Text = ""
    details: Annotated[dict[Text, Plain], Field(max_length=limits.POINTS)] = Field(default_factory=dict)
    samples: StoredSamples = StoredSamples()
    null_interval: Interval | None = None
    p: Annotated[float, Field(ge=0, le=1)] | None = None
    ideals: Annotated[dict[Name, Number], Field(max_length=16)] = Field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What it is of, as a ``Diagnosis`` has it."""
        return self.of if isinstance(self.of, str) else tuple(self.of)

    def estimate(self) -> Estimate:
        """The estimate alone."""
        samples = Samples(**{name: tuple(of) for name, of in self.samples})
        ends = [None if of is None else (of[0], of[1]) for of in (self.interval, self.null_interval)]
        said = self.null, self.null_is, self.verdict, self.reason, self.details, samples
        return Estimate(self.value, ends[0], *said, ends[1], self.p, self.ideals)


class StoredMetadata(Stored):
    """What a diagnosis says of itself: what is computed with is typed, the rest is shown."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Plain]  # pyright: ignore[reportIncompatibleVariableOverride]

    identities: Annotated[int, Field(ge=1, le=limits.IDENTITIES)] | None = None
    dim: Annotated[int, Field(ge=1, le=limits.DIMENSIONS)] | None = None
    seed: int | None = None
    layer_index: int | None = None
    comparisons: Annotated[int, Field(ge=0)] | None = None
    encoder: Text | None = None
    run: Text | None = None
    layer: Text | None = None
    repeated: Text | None = None


class StoredSplit(Stored):
    """``Split``."""

    train: Places
    validation: Places
    test: Places


Shown = Annotated[tuple[Annotated[int, Field(ge=0)], list[Text]], Field(strict=False)]


class StoredMetric(Stored):
    """``Metric``, without its function."""

    name: Name
    question: Text
    block: Text = "own"
    title: Text = ""
    definition: Text = ""
    unit: Annotated[str, Field(max_length=limits.UNIT_LETTERS)] = ""
    low: Number | None = None
    high: Number | None = None
    null: Text = ""
    ideal: Text = ""
    of: Annotated[list[Text], Field(max_length=8)] = Field(default_factory=lambda: ["factor"])
    shown: Annotated[list[Shown], Field(max_length=8)] = Field(default_factory=list)
    symmetric: bool = False
    over_identities: bool = True

    def metric(self) -> Metric:
        """The entry."""
        plain = dict(self) | {"of": tuple(self.of), "shown": tuple((at, tuple(of)) for at, of in self.shown)}
        return Metric(**plain)


Direction = Annotated[list[Number], Field(min_length=1, max_length=DIRECTIONS)]
Directions = Annotated[list[Direction], Field(min_length=1, max_length=limits.DIMENSIONS)]


class StoredDiagnosis(Stored):
    """``Diagnosis``; its baselines have none of their own."""

    metadata: StoredMetadata
    estimates: Annotated[list[StoredEstimate], Field(max_length=limits.ESTIMATES)]
    baselines: Annotated[dict[str, StoredDiagnosis], Field(max_length=limits.BASELINES)]
    split: StoredSplit | None
    metrics: Annotated[list[StoredMetric], Field(max_length=limits.POINTS)]
    subspaces: Annotated[dict[Name, Directions], Field(max_length=2 * limits.FACTORS)]

    @model_validator(mode="after")
    def _fits_together(self) -> StoredDiagnosis:
        for name, baseline in self.baselines.items():
            if baseline.baselines or not 0 < len(name) <= SHORT:
                raise ValueError(f"baselines: {briefly(name)}: a baseline has a name, and none of its own")
        if self.split is not None and self.metadata.identities is not None:
            places = sorted([*self.split.train, *self.split.validation, *self.split.test])
            if len(places) != self.metadata.identities:
                said = f"metadata.identities is {self.metadata.identities}"
                raise ValueError(f"split: of {len(places)} identities, and {said}")
            if self.metadata.repeated is None and places != list(range(len(places))):
                raise ValueError("split: not the identities from 0, each once, and no copies were left out")
        dims = {len(rows) for rows in self.subspaces.values()} | ({self.metadata.dim} - {None})
        if len(dims) > 1:
            raise ValueError(f"subspaces: of {' and '.join(map(str, sorted(filter(None, dims))))} dimensions")
        _check_keys(self.estimates)
        return self


STORED = TypeAdapter(StoredDiagnosis)


def _check_keys(estimates: Sequence[StoredEstimate]) -> None:
    """Raises ValueError for a key that is not of its metric, stands there twice, or is one of too many names."""
    seen: set[tuple[str, Key]] = set()
    names: dict[tuple[str, int], set[str]] = {}
    for place, row in enumerate(estimates):
        key, known = row.key, METRICS.get(row.metric)
        if known is not None and (len(known.of) if len(known.of) > 1 else None) != (
            None if isinstance(key, str) else len(key)
        ):
            raise ValueError(f"estimates.{place}.of: {briefly(row.of)} is not of {row.metric}: {', '.join(known.of)}")
        if (row.metric, key) in seen:
            raise ValueError(f"estimates.{place}.of: {row.metric} of {briefly(row.of)} stands there twice")
        seen.add((row.metric, key))
        for at, part in enumerate((key,) if isinstance(key, str) else key):
            of = names.setdefault((row.metric, at), set())
            of.add(part)
            most = limits.POINTS if known is None or known.of[at] == "frequency" else 2 * limits.FACTORS
            if len(of) > most:
                said = f"{row.metric} is of more than {most} names; {limits.FACTORS} factors are the most"
                raise ValueError(f"estimates.{place}.of: {said}")


def read_diagnosis(path: Path) -> Diagnosis:
    """What ``Diagnosis.save`` wrote. Raises InputError for a file that is missing, damaged, or of another schema."""
    try:
        plain = parse_json(read_text(path, limits.JSON_BYTES))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path}: not a readable diagnosis ({error})") from error
    schema = plain.pop("schema", None) if isinstance(plain, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{path}: a diagnosis of schema {briefly(schema)}, and this version reads {SCHEMA}")
    return _diagnosis(checked(STORED, plain, f"{path}: not a diagnosis"), path)


def _diagnosis(stored: StoredDiagnosis, path: Path) -> Diagnosis:
    estimates: dict[str, dict[Key, Estimate]] = {}
    for row in stored.estimates:
        try:
            estimate = row.estimate()
        except InputError as error:
            raise InputError(f"{path}: {row.metric} of {briefly(row.of)}: {error}") from error
        checked_details(row.metric, row.key, estimate, path)
        estimates.setdefault(row.metric, {})[row.key] = estimate
    try:
        split = stored.split and Split(*(tuple(of) for _, of in stored.split))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return Diagnosis(
        estimates,
        stored.metadata.model_dump(exclude_unset=True),
        {name: _diagnosis(baseline, path) for name, baseline in stored.baselines.items()},
        split,
        {name: _directions(name, rows, path) for name, rows in stored.subspaces.items()},
        {metric.name: metric.metric() for metric in stored.metrics},
    )


def _directions(name: str, rows: list[list[float]], path: Path) -> Float[Tensor, "D K"]:
    """A file's directions. Raises InputError where they are not orthonormal columns."""
    if len({len(row) for row in rows}) != 1:
        raise InputError(f"{path}: subspaces.{name}: rows of different lengths")
    basis = torch.tensor(rows, dtype=torch.float64)
    if not (basis.T @ basis - torch.eye(basis.shape[1], dtype=torch.float64)).abs().max() < 1e-5:
        raise InputError(f"{path}: subspaces.{name}: not of orthonormal columns")
    return basis
