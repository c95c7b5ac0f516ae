"""Do two factors move the representation along the same directions, weighted by how much? No dimension is chosen."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.context import Context, Fitted, answered, codes_covariance, rounded, told, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key, Samples
from seqjepa.diagnostics.measures.order import kernel_of
from seqjepa.diagnostics.measures.overlaps import sharing_verdict
from seqjepa.diagnostics.measures.signal import (
    shared_variance,
    signal_covariances,
    turned_within_spectrum,
)
from seqjepa.diagnostics.measures.spans import leading_of_operator
from seqjepa.diagnostics.views import reads
from seqjepa.types import NotIdentifiable

COMPONENTS = 128  # leading principal components of what all factors move, in which covariances are compared


@reads("joint design")
def shared_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """For each pair of factors the similarity of their signal covariances, beside that with the content's."""
    basis, held = _components(context)
    own = {name: _signal(context, name, basis) for name in context.swept}
    content, spread = _content(context, basis), codes_covariance(context.sweeps)[0].between(basis)
    with_content = {
        name: answered(lambda s=signal: _estimate(context, s, content, None, {}))
        for name, signal in own.items()
        if isinstance(signal, Tensor)
    }
    found: dict[Key, Estimate] = {}
    for f, one in own.items():
        for g, other in own.items():
            if context.nested(f, g):
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
    """Leading directions of what all factors move together, and the share of that variance they hold.

    Each factor brings its covariance within orbits, and its own directions beside it, or a quiet factor would not be
    among the leading ones beside loud noise.
    """
    dim = context.sweeps.dim
    fitted = [f for f in context.fitted.values() if isinstance(f, Fitted)]
    if dim <= COMPONENTS or not fitted:
        return torch.eye(dim, dtype=torch.float64), 1.0
    spaces = [of.subspace for of in fitted]
    moving = [(of, 1 / sum(half.trace() for half in space.within)) for space in spaces for of in space.within]
    own = [(half.basis[:, : space.dim], half.fitted[: space.dim]) for space in spaces for half in space.halves]

    def moved(columns: Tensor) -> Tensor:
        return sum((weight * (of @ columns) for of, weight in moving), torch.zeros_like(columns))

    def pooled(columns: Tensor) -> Tensor:
        return sum((u @ (share[:, None] * (u.T @ columns)) for u, share in own), moved(columns))

    basis = leading_of_operator(pooled, dim, COMPONENTS)[1]
    return basis, float((basis * moved(basis)).sum()) / len(spaces)


def _signal(context: Context, name: str, basis: Float[Tensor, "D E"]) -> Float[Tensor, "I E E"] | NotIdentifiable:
    """Each identity's covariance of what the factor predicts, or why there is none."""
    if isinstance(fitted := context.fitted[name], NotIdentifiable):
        return fitted
    return torch.cat(
        [
            signal_covariances(part.double() @ basis, kernel_of(fitted.kernel, slice(16 * i, 16 * i + len(part))))
            for i, part in enumerate(_centred(context, name).split(16))
        ]
    )


def _centred(context: Context, name: str) -> Float[Tensor, "I P G D"]:
    """The sweep less its mean, so that an offset costs no digits."""
    codes = context.swept[name].double()
    return codes - codes.mean((0, 1, 2))


def _content(context: Context, basis: Float[Tensor, "D E"]) -> Float[Tensor, "I E E"]:
    """Each identity's part of the covariance between identities, from its mean over all sweeps."""
    swept = [codes.double().mean((1, 2)) for codes in context.sweeps.values.values()]
    means = torch.stack(swept or [context.sweeps.joint.double().mean(1)]).mean(0)
    apart = (means - means.mean(0)) @ basis
    return apart[:, :, None] * apart[:, None, :]


def _estimate(
    context: Context,
    f: Float[Tensor, "I E E"],
    g: Float[Tensor, "I E E"],
    spread: Float[Tensor, "E E"] | None,
    details: Mapping[str, object],
) -> Estimate:
    found = shared_variance(f, g, context.seed)
    samples = Samples(resampled=tuple(rounded(found.draws)))
    more = {"unclipped": found.raw, **details}
    interval = samples.interval_around(found.value)
    if spread is None or interval is None:
        return Estimate(found.value, interval, details=more, samples=samples)
    null = turned_within_spectrum(f.mean(0), g.mean(0), spread, context.seed)
    verdict = sharing_verdict(found.value, interval, null)
    return told(found.value, samples, null, "one of the two turned within the codes' covariance", more, verdict)
