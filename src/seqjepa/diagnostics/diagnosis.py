"""A diagnosis as plain data: all estimates of an encoder, and the split and subspaces that they came from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from jaxtyping import Float
from pydantic import TypeAdapter
from torch import Tensor

from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.metric import Metric
from seqjepa.diagnostics.registry import METRICS
from seqjepa.io.files import write_atomic
from seqjepa.types import InputError
from seqjepa.types.checking import user_path
from seqjepa.types.texts import encodable

SCHEMA = 3
LEFT_OUT = "left_out"  # of the metadata: what failed, with the reason
DIRECTIONS = 3  # of each factor that are kept, at most
ESTIMATE = TypeAdapter(Estimate)


@dataclass(frozen=True)
class Split:
    """Which identities did what, each once, as their places in the sweeps.

    Attributes:
        train: fitted probes and, with ``validation``, subspaces and operators.
        validation: chose hyperparameters.
        test: are what every estimate is judged on.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(set(self.places)) != len(self.places) or not (self.train and self.validation and self.test):
            raise InputError("split: train, validation and test are not places of identities, each once, some in each")
        if min(self.places) < 0:
            raise InputError(f"split: {min(self.places)} is no place of an identity")

    @property
    def places(self) -> tuple[int, ...]:
        """Of all three. Copies of an identity are left out, so that places between these may be missing."""
        return (*self.train, *self.validation, *self.test)


METRIC = TypeAdapter(Metric)


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """All estimates of one encoder: ``diagnosis["overlap"]["rotation", "translate_x"]`` is an ``Estimate``.

    Attributes:
        estimates: by metric, then by what it is of.
        metadata: encoder, images, seed, numbers of identities and dimensions.
        baselines: diagnoses of other encoders on the same sweeps, by name.
        split: which identities did what; None where that is not known.
        subspaces: for each factor that moves the representation its leading directions (D, K), orthonormal, K at most
            3, from the training and validation identities; float64 to nine digits.
        metrics: the entries of metrics that the package does not have, without their functions.
    """

    estimates: Mapping[str, Mapping[Key, Estimate]]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Diagnosis] = field(default_factory=dict)
    split: Split | None = None
    subspaces: Mapping[str, Float[Tensor, "_ _"]] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    def __getitem__(self, metric: str) -> Mapping[Key, Estimate]:
        """A metric's estimates by what they are of. Raises InputError with the metrics there are, and what failed."""
        if metric not in self.estimates:
            failed = self.metadata.get(LEFT_OUT)
            reasons = failed.items() if isinstance(failed, Mapping) else ()  # a file may say anything
            told = "".join(f"; left out: {what}: {reason}" for what, reason in reasons)
            raise InputError(f"metric {metric!r} is not one of {', '.join(self.estimates)}{told}")
        return self.estimates[metric]

    def metric(self, name: str) -> Metric:
        """What the metric is: its question, unit, range and so on; of one that nothing is known of, its name alone."""
        return METRICS.get(name) or self.metrics.get(name) or Metric(name, "")

    def __eq__(self, other: object) -> bool:
        """Whether all of both is the same."""
        return isinstance(other, Diagnosis) and self._plain() == other._plain()

    def table(self, details: bool = False) -> str:
        """The estimates under their questions, baselines beside them, and what is linearly read from where.

        A baseline's estimate has a star when the two differ: the interval of their paired difference leaves 0 out, and
        does so after correction for as many differences as there are. Beside the null stands the computed ideal.

        Args:
            details: with content and residual shares, and every probe instead of the matrix.
        """
        from seqjepa.diagnostics.tables import estimates_table, leakage_table

        text = estimates_table(self, details)
        return text if details or "leakage" not in self.estimates else f"{text}\n\n{leakage_table(self)}"

    def to_frame(self) -> Any:
        """A pandas data frame with a row an estimate, of the encoder and of every baseline.

        Columns: encoder, metric, of, value, low and high (95 %), null, null_low, null_high, ideal_disentangled,
        ideal_equivariant, p, verdict, reason. Raises InputError where pandas is not installed.
        """
        from seqjepa.diagnostics.paper import frame

        return frame(self)

    def to_csv(self) -> str:
        """The rows of ``to_frame`` as CSV text; needs no pandas."""
        from seqjepa.diagnostics.paper import csv_text

        return csv_text(self)

    def to_markdown(self, metrics: Sequence[str] | None = None, details: bool = False) -> str:
        """A Markdown table: each estimate with its interval, null, ideal, and the baselines beside it.

        Args:
            metrics: only these, in this order; None takes all.
            details: also what the short table leaves out.
        """
        from seqjepa.diagnostics.paper import markdown_text

        return markdown_text(self, metrics, details)

    def to_latex(self, metrics: Sequence[str] | None = None, details: bool = False) -> str:
        """``to_markdown`` as a LaTeX tabular with the rules of the package booktabs."""
        from seqjepa.diagnostics.paper import latex_source

        return latex_source(self, metrics, details)

    def __repr__(self) -> str:
        """What it is of, and how large; ``table`` shows what it says."""
        count = sum(map(len, self.estimates.values()))
        beside = f", baselines {', '.join(self.baselines)}" if self.baselines else ""
        return f"<Diagnosis of {self.metadata.get('encoder', 'an encoder')}: {count} estimates{beside}; see .table()>"

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        from seqjepa.diagnostics.notebook import diagnosis_html

        return diagnosis_html(self)

    def save(self, path: str | Path) -> None:
        """One JSON file, written whole or not at all."""
        write_atomic(user_path(path), json.dumps({"schema": SCHEMA} | self._plain(), allow_nan=False))

    @staticmethod
    def load(path: str | Path) -> Diagnosis:
        """What ``save`` wrote. Raises InputError for a file that is missing, damaged, or of another schema."""
        from seqjepa.diagnostics.storage import read_diagnosis

        return read_diagnosis(user_path(path))

    def _plain(self) -> dict[str, Any]:
        rows = [
            {"metric": metric, "of": key} | asdict(estimate)
            for metric, estimates in self.estimates.items()
            for key, estimate in estimates.items()
        ]
        return {
            "metadata": encodable(self.metadata),
            "estimates": rows,
            "baselines": {name: diagnosis._plain() for name, diagnosis in self.baselines.items()},
            "split": None if self.split is None else asdict(self.split),
            "metrics": [described(metric) for metric in self.metrics.values()],
            "subspaces": {name: basis.tolist() for name, basis in self.subspaces.items()},
        }


def without(diagnosis: Diagnosis, reasons: Mapping[str, str]) -> Diagnosis:
    """The diagnosis, whose metadata say why some of what was asked for is not in it.

    Args:
        diagnosis: which may lack something already.
        reasons: by what failed.
    """
    if not reasons:
        return diagnosis
    known = diagnosis.metadata.get(LEFT_OUT, {})
    return replace(diagnosis, metadata={**diagnosis.metadata, LEFT_OUT: {**known, **reasons}})


def check_savable(estimate: Estimate, said: str) -> None:
    """Raises InputError unless a file can keep an estimate of others, details and all.

    Args:
        estimate: to be saved.
        said: the first words of the error.
    """
    try:
        ESTIMATE.validate_python(json.loads(json.dumps(asdict(estimate), allow_nan=False)))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"{said}: {' '.join(str(error).split())[:300]}") from error


def described(metric: Metric) -> dict[str, Any]:
    """An entry as plain data, without its function."""
    plain = asdict(replace(metric, compute=None))
    del plain["compute"]
    return plain
