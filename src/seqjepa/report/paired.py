"""Two diagnoses side by side: every figure's difference, paired over the identities both were made on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table

from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.tables import rendered
from seqjepa.types import InputError

MUST_AGREE = ("identities", "seed", "split_seed", "fingerprint", "swept")


@dataclass(frozen=True)
class Comparison:
    """Differences first - second: ``comparison["overlap"]["rotation", "translate_x"]`` is a ``Estimate``."""

    first: Diagnosis
    second: Diagnosis
    differences: Mapping[str, Mapping[Key, Estimate]]

    def __getitem__(self, metric: str) -> Mapping[Key, Estimate]:
        if metric not in self.differences:
            raise InputError(f"metric {metric!r} is not one of {', '.join(self.differences)}")
        return self.differences[metric]

    def table(self) -> str:
        """Both values, their difference with its interval, and whether they differ."""
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for column in ("metric", "of"):
            table.add_column(column, no_wrap=True)
        for column in ("first", "second", "difference", "95 % interval"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("verdict")
        for metric, estimates in self.differences.items():
            last = ""
            for key, difference in estimates.items():
                values = (d[metric][key].value for d in (self.first, self.second))
                shown = ["–" if v is None else f"{v:.3f}" for v in (*values, difference.value)]
                interval = "[{:.3f}, {:.3f}]".format(*difference.interval) if difference.interval else ""
                of = key if isinstance(key, str) else " · ".join(key)
                verdict = difference.verdict or f"not identifiable: {difference.reason}"
                table.add_row("" if last == metric else metric, of, *shown, interval, verdict)
                last = metric
            table.add_section()
        return rendered(table)


def compare(first: Diagnosis, second: Diagnosis) -> Comparison:
    """Every figure that both have, first - second.

    Raises:
        InputError: the two are of other identities, poses or splits, so that nothing can be paired.
    """
    for name in MUST_AGREE:
        mine, theirs = first.metadata.get(name), second.metadata.get(name)
        if mine != theirs:
            raise InputError(f"the diagnoses cannot be paired: {name} is {mine!r} in one and {theirs!r} in the other")
    differences = {
        metric: {key: figure.minus(second[metric][key]) for key, figure in estimates.items() if key in second[metric]}
        for metric, estimates in first.estimates.items()
        if metric in second.estimates
    }
    return Comparison(first, second, differences)
