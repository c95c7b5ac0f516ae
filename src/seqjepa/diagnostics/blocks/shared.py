"""Do two factors move the representation along the same directions, weighted by how much? No dimension is chosen."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.context import Context, Fitted, answered, check_varies, rounded, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key, Samples
from seqjepa.diagnostics.measures.overlaps import leading_directions
from seqjepa.diagnostics.measures.signal import (
    SharedVariance,
    shared_variance,
    signal_covariances,
    signal_kernel,
    turned_within_spectrum,
)
from seqjepa.types import NotIdentifiable

COMPONENTS = 128  # leading principal components of what all factors move, in which covariances are compared
SMALL = 0.1  # what "separate" must stay under: it is a claim about size
SAME = ({"translation", "translate_x"}, {"translation", "translate_y"})  # one is a part of the other


def shared_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """For each pair of factors the similarity of their signal covariances, beside that with the content's."""
    basis, held = _components(context)
    own = {name: _signal(context, name, basis) for name in context.swept}
    content, spread = _content(context, basis), _spread(context, basis)
    with_content = {
        name: answered(lambda s=signal: _estimate(context, s, content, None, {}))
        for name, signal in own.items()
        if isinstance(signal, Tensor)
    }
    found: dict[Key, Estimate] = {}
    for f, one in own.items():
        for g, other in own.items():
            if f == g or {f, g} in SAME:
                continue
            missing = next((signal for signal in (one, other) if isinstance(signal, NotIdentifiable)), None)
            if missing is not None:
                found[f, g] = unanswered(missing)
                continue
            assert isinstance(one, Tensor)
            assert isinstance(other, Tensor)
            details = {"with_content": [with_content[name].value for name in (f, g)], "variance_held": held}
            found[f, g] = found.get((g, f)) or answered(
                lambda a=one, b=other, d=details: _estimate(context, a, b, spread, d)
            )
    return {"shared_variance": found}


def _components(context: Context) -> tuple[Float[Tensor, "D E"], float]:
    """Leading directions of what all factors move together, and the share of that variance they hold."""
    dim = context.sweeps.dim
    fitted = [f.first + f.second for f in context.fitted.values() if isinstance(f, Fitted)]
    pooled = sum((c / c.trace() for c in fitted), torch.zeros(dim, dim, dtype=torch.float64))
    if dim <= COMPONENTS or not fitted:
        return torch.eye(dim, dtype=torch.float64), 1.0
    basis = leading_directions(pooled, COMPONENTS)
    return basis, float((basis * (pooled @ basis)).sum() / pooled.trace())


def _signal(context: Context, name: str, basis: Float[Tensor, "D E"]) -> Float[Tensor, "I E E"] | NotIdentifiable:
    """Each identity's covariance of what the factor predicts, or why there is none."""
    try:
        if isinstance(fitted := context.fitted[name], NotIdentifiable):
            raise fitted
        factor = context.sweeps.factor("translate_x" if name == "translation" else name)
        check_varies(context.sweeps, factor)
        grid = context.sweeps.grids[factor.name].double()
        kernel = signal_kernel(
            grid.log() if factor.logarithmic else grid, factor.period if factor.full_circle else None
        )
        return torch.cat(
            [signal_covariances(part.double() @ basis, kernel) for part in _centred(context, name).split(16)]
        )
    except NotIdentifiable as error:
        return error


def _centred(context: Context, name: str) -> Float[Tensor, "I P G D"]:
    """The sweep less its mean, so that an offset costs no digits."""
    codes = context.swept[name].double()
    return codes - codes.mean((0, 1, 2))


def _content(context: Context, basis: Float[Tensor, "D E"]) -> Float[Tensor, "I E E"]:
    """Each identity's part of the covariance between identities, from its mean over all sweeps."""
    means = torch.stack([codes.double().mean((1, 2)) for codes in context.sweeps.values.values()]).mean(0)
    apart = (means - means.mean(0)) @ basis
    return apart[:, :, None] * apart[:, None, :]


def _spread(context: Context, basis: Float[Tensor, "D E"]) -> Float[Tensor, "E E"] | None:
    """The covariance of all views of the joint design; None without one."""
    z = context.sweeps.joint.double().flatten(0, 1)
    if len(z) < 2:
        return None
    apart = (z - z.mean(0)) @ basis
    return apart.T @ apart / len(apart)


def _estimate(
    context: Context,
    f: Float[Tensor, "I E E"],
    g: Float[Tensor, "I E E"],
    spread: Float[Tensor, "E E"] | None,
    details: Mapping[str, object],
) -> Estimate:
    found = shared_variance(f, g, context.seed)
    samples = Samples(resampled=tuple(rounded(found.draws)))
    interval = samples.interval_around(found.value)
    told = {"unclipped": found.raw, **details}
    if spread is None or interval is None:
        return Estimate(found.value, interval, details=told, samples=samples)
    low, median, high = turned_within_spectrum(f.mean(0), g.mean(0), spread, context.seed).quantile(
        torch.tensor([0.025, 0.5, 0.975], dtype=torch.float64)
    )
    told |= {"null_low": float(low), "null_median": float(median)}
    verdict = _verdict(found, interval, float(low), float(median), float(high))
    null_is = "covariance-matched chance, 97.5th percentile"
    return Estimate(found.value, interval, float(high), null_is, verdict, details=told, samples=samples)


def _verdict(found: SharedVariance, interval: tuple[float, float], low: float, median: float, high: float) -> str:
    """ "separate" is a claim about size: the interval's upper end is small, and the value no more than usual chance."""
    if interval[1] < SMALL and found.value <= median:
        return "separate"
    if interval[0] > high:
        return "shared"
    return "less than covariance-matched chance" if interval[1] < low else "no more than covariance-matched chance"
