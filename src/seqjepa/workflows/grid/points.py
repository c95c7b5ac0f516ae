"""The result of a grid: the last epoch's metrics at each of its points, over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqjepa.io.files import read_rows
from seqjepa.report.seeds import mean_and_sd
from seqjepa.types import InputError
from seqjepa.workflows.grid.members import Member


@dataclass(frozen=True)
class Point:
    """A point of the grid.

    Attributes:
        values: the grid's fields and their values.
        seeds: those whose runs are finished.
        metrics: for each metric of the last epoch, its values in the order of the seeds.
    """

    values: dict[str, str]
    seeds: list[int]
    metrics: dict[str, list[float]]

    def mean_and_sd(self, metric: str) -> tuple[float, float | None] | None:
        """Mean and standard deviation over seeds, as ``seqjepa compare`` has them; None where no run logged it."""
        values = self.metrics.get(metric)
        return mean_and_sd(values) if values else None


def compare_members(members: Sequence[Member]) -> list[Point]:
    """The grid's points in their order, seeds grouped; runs that are not finished are left out."""
    points: dict[tuple[str, ...], Point] = {}
    for member in members:
        point = points.setdefault(tuple(member.point.values()), Point(member.point, [], {}))
        if member.finished:
            rows = read_rows(member.folder / "metrics.csv")
            if not rows:
                raise InputError(f"{member.folder / 'metrics.csv'}: no row, of a run that is finished")
            last = rows[-1]
            point.seeds.append(member.config.seed)
            for metric, value in last.items():
                if metric != "epoch":
                    point.metrics.setdefault(metric, []).append(value)
    return list(points.values())


def comparison_csv(points: Sequence[Point]) -> list[dict]:
    """A row for each point and metric: mean, standard deviation, the number of seeds."""
    rows = []
    for point in points:
        for metric, values in point.metrics.items():
            mean, sd = mean_and_sd(values)
            rows.append({**point.values, "metric": metric, "mean": mean, "sd": sd, "seeds": len(values)})
    return rows
