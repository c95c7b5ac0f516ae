"""Which irreducible representations of SO(2) does a code carry, and how often each? Read from full-circle orbits.

If z(g x) = ρ(g) z(x) for rotations g, then ρ is a sum of irreps: of frequency 0 (one dimension, nothing turns) and
k = 1, 2, … (two dimensions, which turn k times a turn). The k-th Fourier coefficients of all orbits then lie in a
complex subspace V_k, V_{-k} is its conjugate, and these subspaces are linearly independent. The multiplicity of k is
the dimension of V_k. Conversely, whatever subspaces V_k are independent define a ρ, so that is all there is to fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float, Int64
from scipy.special import stdtrit
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import RESAMPLES, identity_weights
from seqjepa.diagnostics.measures.fourier import OrbitFourier

LEAST = 1e-4  # of the movement's variance (of the content's, for frequency 0): what is quieter is not counted
MISSED = 0.01  # chance that noise is taken for an irrep, over all frequencies of a factor
FURTHER = 3  # directions that are tested after the first that failed, for the interval
RIDGE = 1e-9


@dataclass(frozen=True)
class Irreps:
    """A real representation of SO(2), fitted to a code: its isotypic parts as filters and directions.

    Attributes:
        frequency: (R,) of each irrep but those of frequency 0, loudest first.
        directions: (E, R) a direction of V_k for each; the conjugate one belongs to −k.
        filters: (R, E) what reads each one's coefficient from z, blind to all others and their conjugates; the
            quietest such (linearly constrained minimum variance), so content and noise are let in as little as can be.
        rank: for each frequency the dimensions that stand above noise, independent of other frequencies' or not.
        passed: for each frequency the draws of its multiplicity over resamples of the identities.
    """

    frequency: Int64[Tensor, " R"]
    directions: Complex[Tensor, "E R"]
    filters: Complex[Tensor, "R E"]
    rank: Mapping[int, int]
    passed: Mapping[int, Float[Tensor, " N"]]

    def multiplicity(self, frequency: int) -> int:
        """How often the irrep of a frequency from 1 on is there."""
        return int((self.frequency == frequency).sum())

    def projector(self, frequency: int) -> Complex[Tensor, "E E"]:
        """Π_k onto V_k along all other irreps, for k from 1 on; Π_{−k} is its conjugate."""
        of = self.frequency == frequency
        return self.directions[:, of] @ self.filters[of]

    def still(self) -> Float[Tensor, "E E"]:
        """Π_0 = 1 − Σ_{k≠0} Π_k: all that does not turn."""
        turning = (self.directions @ self.filters).real * 2
        return torch.eye(len(turning), dtype=turning.dtype) - turning


def fit_irreps(first: OrbitFourier, second: OrbitFourier) -> Irreps:
    """Directions from one half of the identities, tested on the other; independent ones make the representation.

    A direction of V_k counts if its energy on the second half stands above the noise floor there (Student's t over
    identities with the noise's own variance, Bonferroni over frequencies) and is ``LEAST`` of the movement's. It joins
    the representation if, with the filters that this needs, the second half's movement is predicted better with it than
    without: where a frequency lies in the same plane as a louder one, no linear map can turn both.
    """
    signals = _signals(first)
    least = LEAST * sum(_energy(signals[k]) for k in first.candidates)
    found = [_tested_directions(first, second, k, least, first.most_directions(k)) for k in first.candidates]
    rank = {k: tested.rank for k, tested in zip(first.candidates, found, strict=True)}
    order = sorted(
        ((float(tested.energy[i]), k, i) for k, tested in zip(first.candidates, found, strict=True)
         for i in range(tested.rank)),
        reverse=True,
    )  # fmt: skip
    inside = _Growing(first, second)
    taken: dict[int, list[int]] = {k: [] for k in first.candidates}
    for _, k, i in order:
        if inside.grow(k, found[k - 1].directions[:, i]):
            taken[k].append(i)
    passed = {}
    for k, tested in zip(first.candidates, found, strict=True):
        counted = [i for i in range(tested.draws.shape[1]) if i >= tested.rank or i in taken[k]]
        passed[k] = tested.draws[:, counted].cumprod(1).sum(1)
    return Irreps(inside.frequency, inside.directions, inside.filters, rank, passed)


def still_multiplicity(irreps: Irreps, first: OrbitFourier, second: OrbitFourier) -> tuple[int, Float[Tensor, " N"]]:
    """The multiplicity of frequency 0, with its draws: the rank of what tells contents apart and does not turn."""
    still = irreps.still().to(first.values.dtype)
    halves = [OrbitFourier(half.values @ still.T, half.noise_from, half.held) for half in (first, second)]
    content = first.covariance(0) - first.noise()  # where all of it turns, what is left is rounding
    most = min(first.most_directions(0), first.values.shape[-1] - 2 * len(irreps.frequency))
    tested = _tested_directions(halves[0], halves[1], 0, LEAST * max(_energy(content), 0.0), most)
    return tested.rank, tested.draws.cumprod(1).sum(1)


@dataclass(frozen=True)
class _Tested:
    """Directions (E, N) of a frequency, their energy, how many stand above noise, and in each resample which (R, N)."""

    directions: Complex[Tensor, "E N"]
    energy: Float[Tensor, " N"]
    rank: int
    draws: Float[Tensor, "R N"]


def _tested_directions(first: OrbitFourier, held_out: OrbitFourier, frequency: int, least: float, most: int) -> _Tested:
    """Directions by their signal over the noise, the first that fails on held-out identities ends them.

    The i-th is blind to those before it but for the errors of N orbits: of each it lets in 1/N of what it hears of
    noise, the same for all held-out identities: as a χ² with one degree of freedom (two for a complex coefficient).

    Args:
        first: the half that directions come from.
        held_out: the half that they are tested on.
        frequency: of the coefficients.
        least: what a direction must hold beside noise.
        most: how many there can be.
    """
    noise, orbits = first.noise(), first.orbits
    signal = first.covariance(frequency) - noise
    whiten, unwhiten = _whitener(signal, noise, first.noise_samples)
    kept = torch.linalg.eigh(whiten @ signal @ whiten).eigenvectors.flip(1)
    # Filters that read them, orthonormal in the whitened space; the directions that they read.
    directions, readers = unwhiten @ kept, kept.mH @ whiten
    length = directions.abs().square().sum(0)
    seen = (held_out.values[:, :, frequency] @ readers.T).abs().square().mean(1) * length
    heard = (held_out.values[:, :, held_out.noise_from :] @ readers.T).abs().square().mean(1) * length  # (I, T, E)
    above = seen - heard.mean(1) - least
    # As it would vary if there were noise alone: a real coefficient's energy varies twice as much as a complex one's.
    varies = 1 if frequency else 2
    spread = heard.var(0).mean(0) * (varies + 1 / heard.shape[1]) / len(above)
    before = torch.arange(len(kept), dtype=torch.float64) + (0 if frequency else 1)  # and the mean of all
    let_in = heard.mean((0, 1)) / orbits
    spread = spread + varies * before * let_in.square()
    critical = before * let_in + spread.sqrt() * float(stdtrit(len(above) - 1, 1 - MISSED / held_out.noise_from))
    rank = min(most, int((above.mean(0) > critical).long().cumprod(0).sum()))
    tried = min(most, rank + FURTHER)
    weights = identity_weights(len(above), RESAMPLES, 0)
    draws = (weights @ above[:, :tried] / len(above) > critical[:tried]).double()
    energy = ((readers @ signal) * readers.conj()).sum(1).real * length
    return _Tested(directions[:, :tried], energy[:tried], rank, draws)


def _whitener(
    signal: Complex[Tensor, "E E"], noise: Complex[Tensor, "E E"], samples: int
) -> tuple[Complex[Tensor, "E E"], Complex[Tensor, "E E"]]:
    """N^(−1/2) and N^(1/2) of the noise's covariance, with a ridge of tr N over its samples: what chance moves it by.

    Few samples make some directions quiet by chance, and whitening those loud.
    """
    dim = len(noise)
    ridge = _energy(noise) / samples + 1e-3 * (max(_energy(signal), 0.0) + _energy(noise)) / dim
    values, vectors = torch.linalg.eigh(noise + ridge * torch.eye(dim, dtype=noise.dtype))
    values = values.clamp(min=1e-300)
    return (vectors * values.rsqrt()) @ vectors.mH, (vectors * values.sqrt()) @ vectors.mH


def _energy(covariance: Tensor) -> float:
    return float(covariance.diagonal().real.sum())


def _all_frequencies(signals: Mapping[int, Tensor]) -> Complex[Tensor, "E E"]:
    """Of both signs, and 0."""
    return sum((of + of.conj() for k, of in signals.items() if k), signals[0])


class _Growing:
    """A representation that takes irreps one by one, as long as each makes the prediction of held-out orbits better.

    How much is explained is judged by the second half. Where an irrep is in a louder one's plane only errors of the
    directions tell the two apart: on the half that these are of it seems to explain, and filters that are blind to the
    one and see the other let in a multiple of the noise, so that more is explained or less by chance.
    """

    def __init__(self, first: OrbitFourier, second: OrbitFourier) -> None:
        of_first, noise = _signals(first), first.noise()
        moves, noises = _all_frequencies(of_first), noise * (2 * first.values.shape[2] - 1)
        dim = len(noise)
        ridge = RIDGE * _energy(moves + noises) / dim * torch.eye(dim, dtype=noise.dtype)
        self._inverse = torch.linalg.inv(moves + noises + ridge)
        self._signals, self._noise = _signals(second), second.noise().real
        self._total = _all_frequencies(self._signals)
        self._whiten = _whitener(moves, noise, first.noise_samples)[0]
        orbits, top = second.orbits, second.noise_from
        floor = second.values.shape[2] - top  # frequencies whose noise is taken away from all others
        self._critical = float(stdtrit(orbits - 1, 1 - MISSED / top)) * (top * (1 + top / floor) / orbits) ** 0.5
        self.frequency = torch.zeros(0, dtype=torch.long)
        self.directions = torch.zeros(dim, 0, dtype=noise.dtype)
        self.filters = torch.zeros(0, dim, dtype=noise.dtype)
        self._gain, self._lets_in = 0.0, torch.zeros_like(self._noise)

    def grow(self, frequency: int, direction: Complex[Tensor, " E"]) -> bool:
        """Take an irrep, if more is explained with it than without, beyond what the noise that it lets in may do."""
        directions = torch.cat([self.directions, direction[:, None]], 1)
        frequencies = torch.cat([self.frequency, torch.tensor([frequency])])
        count = directions.shape[1]
        both = torch.cat([directions, directions.conj()], 1)
        if both.shape[1] > len(both):
            return False
        both = both / both.abs().square().sum(0).sqrt()
        gram = both.mH @ self._inverse @ both
        if float(torch.linalg.cond(gram)) > 1e12:
            return False
        filters = torch.linalg.solve(gram, both.mH @ self._inverse)[:count]
        filters = filters / directions.abs().square().sum(0).sqrt()[:, None]
        gain, lets_in = self._explained(frequencies, directions, filters)
        # Var nᴴAn = tr (AN)² for complex noise n of covariance N; both signs of a frequency have the same noise.
        more = 2 * (lets_in - self._lets_in) @ self._noise
        if gain - self._gain <= self._critical * float((more * more.T).sum().clamp(min=0).sqrt()):
            return False
        self.frequency, self.directions, self.filters = frequencies, directions, filters
        self._gain, self._lets_in = gain, lets_in
        return True

    def _explained(
        self, frequencies: Tensor, directions: Tensor, filters: Tensor
    ) -> tuple[float, Float[Tensor, "E E"]]:
        """Σ_k tr C_k − (error of the prediction), as ``prediction_errors`` measures it, in units of the noise; and what
        projects noise on all of these irreps, Re Σ_k Π_kᴴ N^(-1) Π_k."""
        gain, lets_in = 0.0, torch.zeros_like(self._noise)
        for k in frequencies.unique().tolist():
            projector = directions[:, frequencies == k] @ filters[frequencies == k]
            projector = self._whiten @ projector
            square = projector.mH @ projector
            gain += 2 * float((self._whiten @ projector * self._signals[k].T).sum().real)
            gain -= float((square * self._total.T).sum().real)
            lets_in = lets_in + square.real
        return gain, lets_in


def _signals(half: OrbitFourier) -> dict[int, Tensor]:
    noise = half.noise()
    return {k: half.covariance(k) - noise for k in range(half.noise_from)}
