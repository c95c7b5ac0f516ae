"""Has the representation collapsed? Ranks of several kinds, intrinsic dimension, LiDAR and norm."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.bounds import within
from seqjepa.diagnostics.context import NO_JOINT_DESIGN, Context, answered, from_ratio, rounded, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key, Samples
from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.health import (
    RANKS,
    jackknife_groups,
    lidar,
    offset_share,
    ranks,
    two_nn,
    two_nn_interval,
)
from seqjepa.diagnostics.views import reads
from seqjepa.types import NotIdentifiable


@reads("joint design")
def health_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """Ranks of several kinds, intrinsic dimension, LiDAR and norm, of the joint design's views."""
    z = context.sweeps.joint
    if not z.shape[1]:
        return {"health": dict.fromkeys(("rankme", "two_nn", "lidar", "norm"), unanswered(NO_JOINT_DESIGN))}
    count, dim = z.shape[0] * z.shape[1], z.shape[-1]
    offset = offset_share(z.flatten(0, 1))
    estimates: dict[Key, Estimate] = {}
    try:
        found = ranks(z, context.seed)
    except NotIdentifiable as error:
        found = {}
        estimates |= dict.fromkeys(RANKS, unanswered(error))
    for kind, (value, left_out) in found.items():
        flags = ["fewer representations than dimensions"] if count < dim else []
        flags += [f"the mean holds {offset:.0%} of the energy"] if kind == "rankme" and offset > 0.5 else []
        samples = Samples(left_out=tuple(rounded(left_out)))
        details = {"N": count, "D": dim, "centred": kind != "rankme"}
        most = min(count if kind == "rankme" else count - 1, dim)
        interval, verdict = samples.interval_around(value), "; ".join(flags)
        told = Estimate(value, interval, verdict=verdict, details=details, samples=samples)
        estimates[kind] = within(told, 1.0, float(most))
    estimates["two_nn"] = answered(lambda: _two_nn(z[:, 0]))
    estimates["lidar"] = answered(lambda: _lidar(z, context.seed))
    norms = z.double().norm(dim=-1).mean(1)
    estimates["norm"] = from_ratio(Ratio(norms, norms.new_ones(len(norms))))
    return {"health": estimates}


def _two_nn(one_view: Float[Tensor, "I D"]) -> Estimate:
    """Of one view of each image: views of one image are no independent points."""
    value, count = two_nn(one_view), len(one_view)
    return Estimate(value, two_nn_interval(value, count), details={"N": count, "D": one_view.shape[-1]})


def _lidar(codes: Float[Tensor, "I V D"], seed: int) -> Estimate:
    value, group = lidar(codes), jackknife_groups(len(codes), seed)
    samples = Samples(left_out=tuple(lidar(codes[group != g]) for g in range(int(group.max()) + 1)))
    details = {"N": codes[..., 0].numel(), "D": codes.shape[-1]}
    most = float(min(len(codes) - 1, codes.shape[-1]))
    return within(Estimate(value, samples.interval_around(value), details=details, samples=samples), 1.0, most)
