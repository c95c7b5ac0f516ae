"""What a grid comes to: the last epoch's metrics at each point of the grid, over its seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from seqjepa.io.files import read_rows
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

    def mean(self, metric: str) -> float:
        """Over seeds."""
        return statistics.fmean(self.metrics[metric])

    def spread(self, metric: str) -> float | None:
        """The standard deviation over seeds (n - 1); None of fewer than two."""
        values = self.metrics.get(metric, [])
        return statistics.stdev(values) if len(values) > 1 else None


def compare_members(members: Sequence[Member]) -> list[Point]:
    """The grid's points in their order, seeds grouped; runs that are not finished are left out."""
    points: dict[tuple[str, ...], Point] = {}
    for member in members:
        point = points.setdefault(tuple(member.point.values()), Point(member.point, [], {}))
        if member.finished:
            last = read_rows(member.folder / "metrics.csv")[-1]
            point.seeds.append(member.config.seed)
            for metric, value in last.items():
                if metric != "epoch":
                    point.metrics.setdefault(metric, []).append(value)
    return list(points.values())


def comparison_csv(points: Sequence[Point]) -> list[dict]:
    """A row for each point and metric: mean, standard deviation, the number of seeds."""
    return [
        {**point.values, "metric": metric, "mean": point.mean(metric), "sd": point.spread(metric), "seeds": len(values)}
        for point in points
        for metric, values in point.metrics.items()
    ]
