"""What the blocks of a diagnosis share: the split, each factor's subspace, and how estimates are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.estimate import NORMAL_97_5, ROUNDING, Estimate, Samples, p_against
from seqjepa.diagnostics.measures.bootstrap import Ratio, Resampled, grouped
from seqjepa.diagnostics.measures.probes import ProbeName, Rows
from seqjepa.diagnostics.measures.spans import Covariance, scatter_of
from seqjepa.diagnostics.measures.subspaces import FactorSubspace, factor_subspace
from seqjepa.diagnostics.swept import grid_of, orbits_of, swept_names, unordered_orbits, wholes_of
from seqjepa.io.memory import check_memory
from seqjepa.rng import generator
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor, InputError, NotIdentifiable, OutOfMemory
from seqjepa.types.foreign import foreign_code

Null = float | Float[Tensor, " N"] | None  # a number, or draws of a distribution
EVEN = 1e-4  # by how much steps of an even grid may differ: grids in float32 are exact to no more
COVARIANCES = 4  # (D, D) that are kept of each factor: of both halves W and S
EIGENDECOMPOSITION = 7  # and what that takes
NO_JOINT_DESIGN = NotIdentifiable("the sweeps hold no joint design")


@dataclass(frozen=True)
class Fitted:
    """A factor's subspace, and the kernel of its grid; of records each identity's own, (I, 1, G, G)."""

    subspace: FactorSubspace
    kernel: Float[Tensor, "*_ G G"]


@dataclass(frozen=True)
class Context:
    """Sweeps on their way to a diagnosis.

    Attributes:
        sweeps: of the encoder.
        split: masks (I,) of the identities that train, validate and test.
        seed: of the split, and of whatever is drawn.
        probes: that are asked.
        swept: representations (I, P, G, D) by name: of each axis of a factor, of all axes of a factor together, of x
            and y together as "translation"; of factors without a sweep their records, see ``orbits_of``.
        fitted: their subspaces, or why there is none.
        networks: whether a small network is asked beside a linear operator; not of codes that are known.
    """

    sweeps: Sweeps
    split: Rows
    seed: int
    probes: tuple[ProbeName, ...]
    swept: Mapping[str, Float[Tensor, "_ _ _ _"]]
    fitted: Mapping[str, Fitted | NotIdentifiable]
    networks: bool = True

    @staticmethod
    def of(sweeps: Sweeps, seed: int, probes: Sequence[ProbeName], split: Rows | None = None) -> Context:
        """Split the identities, unless told how, and fit every factor's subspace.

        Args:
            sweeps: of the encoder.
            seed: of the split, and of whatever the blocks draw.
            probes: that are asked.
            split: of the identities; by the seed if left out.

        Raises:
            InputError: more dimensions than there is memory for.
        """
        split, names = split or split_identities(sweeps.identities, seed), swept_names(sweeps)
        smaller = "pool them to fewer (--pool), or diagnose an earlier layer"
        check_memory(f"subspaces of {sweeps.dim} dimensions", _needed(sweeps, split, names), smaller)
        swept: dict[str, Tensor] = {}
        fitted: dict[str, Fitted | NotIdentifiable] = {}
        for name in names:
            try:
                swept[name], kernel = orbits_of(sweeps, name)
                with foreign_code(f"fitting the subspace of {name}"):  # LAPACK may not converge
                    fitted[name] = Fitted(factor_subspace(swept[name], ~split.test, kernel), kernel)
            except (InputError, OutOfMemory) as error:
                fitted[name] = error if isinstance(error, NotIdentifiable) else NotIdentifiable(str(error))
                swept[name] = unordered_orbits(sweeps, name)
        return Context(sweeps, split, seed, tuple(probes), swept, fitted)

    @property
    def first_half(self) -> Bool[Tensor, " I"]:
        """Those that train and validate: as many as test."""
        return ~self.split.test

    @property
    def read_from(self) -> list[str]:
        """The factors, in whose subspaces and outside of which is read."""
        return [factor.name for factor in self.sweeps.factors]

    def nested(self, f: str, g: str) -> bool:
        """Whether one of the two is the other or a part of it, as x is of the translation."""
        wholes = wholes_of(self.sweeps)
        return f == g or f in wholes.get(g, ()) or g in wholes.get(f, ())

    def probes_but(self, left_out: ProbeName) -> list[ProbeName]:
        """The probes that are asked, without one that does not answer this question."""
        return [name for name in self.probes if name != left_out]

    def probe_set_split(self) -> Rows:
        """Rows of the probe set: nine tenths of the training images train, one validates, the held-out ones test."""
        assert self.sweeps.probe is not None
        count, held_out = len(self.sweeps.probe.train), len(self.sweeps.probe.test)
        place = torch.randperm(count, generator=generator(self.seed, "probe", count)).argsort()
        place = torch.cat([place, torch.full((held_out,), count + held_out)])
        return Rows(place < 0.9 * count, (place >= 0.9 * count) & (place < count), place >= count + held_out)


def _needed(sweeps: Sweeps, split: Rows, names: Sequence[str]) -> int:
    """Bytes of the factors' subspaces: of all dimensions, or of half of a sweep's views where these are fewer."""
    dim, half = sweeps.dim, int(split.test.sum())
    needed, largest = 0, 0
    for name in names:
        swept = [sweeps.values.get(axis) for axis in wholes_of(sweeps).get(name, (name,))]
        rows = half * sum((sweeps.joint if of is None else of)[0, ..., 0].numel() for of in swept)
        inside = min(rows, dim)
        spans = dim * inside if rows < dim else 0
        needed, largest = needed + COVARIANCES * inside**2 + 2 * spans, max(largest, inside)
    return 8 * (needed + EIGENDECOMPOSITION * largest**2)


def split_identities(identities: int, seed: int) -> Rows:
    """Which identities train (40 %), validate (10 %) and test (50 %): a pure function of their number and the seed."""
    order = torch.randperm(identities, generator=generator(seed, "split", identities))
    place = torch.empty_like(order)
    place[order] = torch.arange(identities)
    train, test = place < int(0.4 * identities), place >= int(0.5 * identities)
    return Rows(train, ~train & ~test, test)


def codes_covariance(sweeps: Sweeps) -> tuple[Covariance, str]:
    """The covariance of all views of the joint design (without one, of all sweeps' views), and which it is."""
    views = (
        [sweeps.joint] if sweeps.joint.numel() and len(sweeps.joint.flatten(0, 1)) > 1 else list(sweeps.values.values())
    )
    flat = [codes.flatten(0, -2) for codes in views]
    mean = sum((part.double().sum(0) for part in flat), torch.zeros(sweeps.dim)) / sum(map(len, flat))
    count, of = sum(map(len, flat)), "joint design" if len(views) == 1 and views[0] is sweeps.joint else "sweeps"
    scatter = scatter_of([part.double() - mean for part in flat])
    return Covariance(scatter.inside / count, scatter.span), of


def check_even(context: Context, factor: Factor) -> None:
    """Raises NotIdentifiable for a factor whose grid is not evenly spaced; of a circle its closing step too."""
    values, period = grid_of(context.sweeps, factor)
    steps = values.diff()
    if period is not None:
        steps = torch.cat([steps, period - (values[-1:] - values[:1])])
    if (steps - steps.mean()).abs().max() > EVEN * steps.mean().abs():
        raise NotIdentifiable("the grid is not evenly spaced")


def answered(ask: Callable[[], Estimate]) -> Estimate:
    """The estimate, or why there is none."""
    try:
        return ask()
    except NotIdentifiable as error:
        return unanswered(error)


def unanswered(error: NotIdentifiable) -> Estimate:
    """An estimate without a value."""
    return Estimate(None, reason=str(error))


def from_ratio(
    ratio: Ratio,
    null: Null = None,
    null_is: str = "",
    details: Mapping[str, Any] | None = None,
    verdict: str | None = None,
) -> Estimate:
    """An estimate out of per-identity terms.

    Args:
        ratio: numerator and denominator, each identity's.
        null: what it would be without any structure: a number, or draws of its distribution.
        null_is: of which kind the null is.
        details: what belongs to it.
        verdict: in words; if left out the interval is compared with the null.
    """
    samples = Samples(*(tuple(rounded(grouped(terms))) for terms in (ratio.numerator, ratio.denominator)))
    return told(ratio.value, samples, null, null_is, details, verdict)


def from_draws(
    estimate: Resampled, null: Null = None, null_is: str = "", details: Mapping[str, Any] | None = None
) -> Estimate:
    """An estimate out of its resamples. Arguments as in ``from_ratio``."""
    return told(estimate.value, Samples(resampled=tuple(rounded(estimate.draws))), null, null_is, details)


def from_jackknife(
    value: float,
    left_out: Sequence[float],
    null: Null = None,
    null_is: str = "",
    details: Mapping[str, Any] | None = None,
    verdict: str | None = None,
) -> Estimate:
    """An estimate out of its values with each group of identities left out. Arguments as in ``from_ratio``."""
    return told(value, Samples(left_out=tuple(left_out)), null, null_is, details, verdict)


def told(
    value: float,
    samples: Samples,
    null: Null = None,
    null_is: str = "",
    details: Mapping[str, Any] | None = None,
    verdict: str | None = None,
) -> Estimate:
    """An estimate with its interval, its null, how likely the null makes it, and a verdict.

    The interval is compared with the middle 95 % of the null. p is that of the two's difference, see ``p_against``.
    What differs from its null by rounding alone is at its null.

    Args:
        value: the estimate.
        samples: what its interval comes from.
        null, null_is, details, verdict: as in ``from_ratio``.
    """
    interval = samples.interval_around(value)
    low = high = middle = within = p = None
    if isinstance(null, Tensor):
        low, middle, high = null.double().quantile(torch.tensor([0.025, 0.5, 0.975], dtype=torch.float64)).tolist()
        within = (low, high)
    elif null is not None:
        low = middle = high = null
    if interval is not None and low is not None and middle is not None and high is not None:
        rounding = ROUNDING * max(1.0, abs(middle))
        above, below = interval[0] > high + rounding, interval[1] < low - rounding
        said = "above its null" if above else "below its null" if below else "at its null"
        verdict = said if verdict is None else verdict
        own = max((interval[1] - interval[0]) / (2 * NORMAL_97_5), rounding)
        p = p_against(value, own, null if isinstance(null, Tensor) else torch.tensor([low], dtype=torch.float64))
    return Estimate(value, interval, middle, null_is, verdict or "", "", details or {}, samples, within, p)


def rounded(values: Tensor) -> list[float]:
    """Nine digits: a file need not be longer than its estimates are exact."""
    return [float(f"{value:.9g}") for value in values.double().tolist()]
