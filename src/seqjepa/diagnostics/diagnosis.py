"""A diagnosis as plain data: every estimate with its interval, its null and a verdict, or why there is none."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from seqjepa.diagnostics.measures.bootstrap import Ratio, percentile_interval
from seqjepa.diagnostics.measures.health import jackknife_interval
from seqjepa.diagnostics.registry import verdict_in_words, with_questions
from seqjepa.io.files import write_atomic
from seqjepa.io.untrusted import parse_json, read_text
from seqjepa.types import InputError

SCHEMA = 1
PARTS = {"leakage": 3, "variance_shares": 2, "overlap": 2}  # of the keys of these metrics
Key = str | tuple[str, ...]


@dataclass(frozen=True)
class Samples:
    """What a estimate's interval was computed from; two estimates of the same identities are paired through it.

    Attributes:
        numerator, denominator: each reporting identity's terms, where the estimate is a ratio of their sums.
        resampled: the estimate in each bootstrap resample, where it is not.
        left_out: the estimate with each group of identities left out, for ranks.
    """

    numerator: tuple[float, ...] = ()
    denominator: tuple[float, ...] = ()
    resampled: tuple[float, ...] = ()
    left_out: tuple[float, ...] = ()

    def interval_around(self, value: float, level: float = 0.95) -> tuple[float, float] | None:
        """The interval of the estimate; None where nothing was resampled."""
        if self.left_out:
            return jackknife_interval(value, torch.tensor(self.left_out, dtype=torch.float64), level)
        draws = self.draws()
        return None if draws is None else percentile_interval(draws, level)

    def minus(self, other: Samples) -> Samples | None:
        """The samples of the difference, resample by resample; None where the two cannot be paired."""
        if self.left_out and len(self.left_out) == len(other.left_out):
            return Samples(left_out=tuple(a - b for a, b in zip(self.left_out, other.left_out, strict=True)))
        mine, theirs = self.draws(), other.draws()
        if mine is None or theirs is None or len(self.numerator) != len(other.numerator):
            return None
        return Samples(resampled=tuple((mine - theirs).tolist()))

    def draws(self) -> torch.Tensor | None:
        """The estimate in each bootstrap resample; the same resamples for as many identities."""
        if self.numerator:
            return Ratio(
                torch.tensor(self.numerator, dtype=torch.float64), torch.tensor(self.denominator, dtype=torch.float64)
            ).resampled()
        return torch.tensor(self.resampled, dtype=torch.float64) if self.resampled else None

    def __post_init__(self) -> None:
        if len(self.numerator) != len(self.denominator):
            raise InputError(f"samples: {len(self.numerator)} numerators and {len(self.denominator)} denominators")


@dataclass(frozen=True)
class Estimate:
    """One answer.

    Attributes:
        value: None where the question cannot be answered; then ``reason`` says why.
        interval: 95 %, over identities.
        null: what the estimate would be without any structure; ``null_is`` says of which kind.
        verdict: in words.
        details: what belongs to it: a curve, angles, N and D.
        samples: what the interval came from.
    """

    value: float | None
    interval: tuple[float, float] | None = None
    null: float | None = None
    null_is: str = ""
    verdict: str = ""
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    samples: Samples = Samples()

    def minus(self, other: Estimate) -> Estimate:
        """The difference, its interval paired over identities; a estimate without a value where either has none."""
        if self.value is None or other.value is None:
            return Estimate(None, reason=self.reason or other.reason)
        value, samples = self.value - other.value, self.samples.minus(other.samples)
        if samples is None:
            return Estimate(value, verdict="not paired")
        interval = samples.interval_around(value)
        differs = interval is not None and not interval[0] <= 0 <= interval[1]
        verdict = "differs" if differs else "no difference seen"
        return Estimate(value, interval, 0.0, "no difference", verdict, samples=samples)

    def __str__(self) -> str:
        if self.value is None:
            return f"not identifiable: {self.reason}"
        interval = f" [{_short(self.interval[0])}, {_short(self.interval[1])}]" if self.interval else ""
        null = f", null {_short(self.null)}" if self.null is not None else ""
        return f"{_short(self.value)}{interval}{null}" + (f", {self.verdict}" if self.verdict else "")


ESTIMATE = TypeAdapter(Estimate)


@dataclass(frozen=True)
class Diagnosis:
    """All estimates of one encoder: ``diagnosis["overlap"]["rotation", "translate_x"]`` is a ``Estimate``.

    Attributes:
        estimates: by metric, then by what it is of.
        metadata: encoder, images, seed, numbers of identities and dimensions.
        baselines: diagnoses of other encoders on the same sweeps, by name.
    """

    estimates: Mapping[str, Mapping[Key, Estimate]]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Diagnosis] = field(default_factory=dict)

    def __getitem__(self, metric: str) -> Mapping[Key, Estimate]:
        if metric not in self.estimates:
            raise InputError(f"metric {metric!r} is not one of {', '.join(self.estimates)}")
        return self.estimates[metric]

    def table(self, details: bool = False) -> str:
        """The estimates under their questions, baselines beside them, and the matrix of what is linearly read from where.

        A baseline's estimate has a star when the two differ: the interval of their paired difference leaves 0 out.

        Args:
            details: with content and residual shares, and every probe instead of the matrix.
        """
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("of", no_wrap=True)
        for column in ("value", "95 % interval", "null"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("in words", overflow="fold")
        for name in self.baselines:
            table.add_column(name, justify="right", no_wrap=True)
        for metric, estimates in self.estimates.items():
            table.add_row(metric)
            for key, estimate in estimates.items():
                if not details and is_detail(metric, key, estimates):
                    continue
                others = [_cell(estimate, b.estimates.get(metric, {}).get(key)) for b in self.baselines.values()]
                table.add_row("  " + " · ".join(_parts(key)), *_row(estimate), *others)
            table.add_section()
        text = with_questions(rendered(table), list(self.estimates))
        return text if details else f"{text}\n\n{self.leakage_table()}"

    def leakage_table(self, probe_name: str = "linear") -> str:
        """What one probe_name of probes reads (columns) from where (rows)."""
        cells = {k[:2]: f for k, f in self.estimates.get("leakage", {}).items() if k[2] == probe_name}
        targets = list(dict.fromkeys(target for target, _ in cells))
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column(f"{probe_name} probes, from")
        for target in targets:
            table.add_column(f"{target} ({'accuracy' if target == 'class' else 'R²'})", justify="right")
        for source in dict.fromkeys(source for _, source in cells):
            read = [cells.get((target, source)) for target in targets]
            table.add_row(source, *("" if estimate is None else _row(estimate)[0] for estimate in read))
        table.add_section()
        read = [cells.get((target, "z")) for target in targets]
        table.add_row("null", *("" if of is None or of.null is None else _short(of.null) for of in read))
        return rendered(table)

    def save(self, path: str | Path) -> None:
        """One JSON file, written whole or not at all."""
        write_atomic(Path(path), json.dumps({"schema": SCHEMA} | self._plain(), allow_nan=False))

    @staticmethod
    def load(path: str | Path) -> Diagnosis:
        """What ``save`` wrote. Raises InputError for a file that is missing, damaged, or of another schema."""
        try:
            plain = parse_json(read_text(Path(path)))
        except InputError:
            raise
        except ValueError as error:
            raise InputError(f"{path}: not a readable diagnosis ({error})") from error
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if schema != SCHEMA:
            raise InputError(f"{path}: a diagnosis of schema {str(schema)[:80]}, and this version reads {SCHEMA}")
        try:
            return _from_plain(plain)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: not a diagnosis ({' '.join(str(error).split())[:300]})") from error

    def _plain(self) -> dict[str, Any]:
        rows = [
            {"metric": metric, "of": key} | asdict(estimate)
            for metric, estimates in self.estimates.items()
            for key, estimate in estimates.items()
        ]
        baselines = {name: diagnosis._plain() for name, diagnosis in self.baselines.items()}
        return {"metadata": dict(self.metadata), "estimates": rows, "baselines": baselines}


def _from_plain(plain: Mapping[str, Any]) -> Diagnosis:
    estimates: dict[str, dict[Key, Estimate]] = {}
    for row in plain["estimates"]:
        fields = dict(row)
        metric, of = fields.pop("metric"), fields.pop("of")
        key = of if isinstance(of, str) else tuple(map(str, of))
        parts = 1 if isinstance(key, str) else len(key)
        if not isinstance(metric, str) or parts != PARTS.get(metric, parts):
            raise ValueError(f"{metric!r} is not of {key!r}"[:200])
        estimates.setdefault(metric, {})[key] = ESTIMATE.validate_python(fields, strict=False)
    return Diagnosis(estimates, dict(plain["metadata"]), {n: _from_plain(b) for n, b in plain["baselines"].items()})


def _parts(key: Key) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else key


def _row(estimate: Estimate) -> tuple[str, str, str, str]:
    if estimate.value is None:
        return "–", "", "", f"not identifiable: {estimate.reason}"
    interval = f"[{_short(estimate.interval[0])}, {_short(estimate.interval[1])}]" if estimate.interval else ""
    null = "" if estimate.null is None else _short(estimate.null)
    return _short(estimate.value), interval, null, verdict_in_words(estimate.verdict, estimate.null_is)


def _cell(estimate: Estimate, other: Estimate | None) -> str:
    if other is None or other.value is None:
        return "" if other is None else "–"
    return _short(other.value) + ("*" if estimate.minus(other).verdict == "differs" else " ")


def is_detail(metric: str, key: Key, estimates: Mapping[Key, Estimate]) -> bool:
    """What the short table leaves out: what is in the matrix, the rest of an analysis of variance, mirror images."""
    if metric == "leakage":
        return key[1:] != ("z", "linear")
    if metric == "variance_shares":
        return key[1] in ("content", "residual")
    keys = list(estimates)
    mirrored = (key[1], key[0])
    return metric == "overlap" and mirrored in keys and keys.index(mirrored) < keys.index(key)


def _short(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def rendered(table: Table, width: int = 200) -> str:
    """A table as plain text; brackets and colons in names are not markup."""
    console = Console(file=io.StringIO(), width=width, color_system=None, markup=False, emoji=False)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()).strip("\n")
