"""What a factor does to a representation."""

from __future__ import annotations

from seqjepa.diagnostics.metric import Metric

ENTRIES = (
    Metric(
        "sensitivity",
        "how far does the factor move the representation? 0: not at all, 1: as far away as another image",
        block="effects",
        definition="E‖z(gx) − z(x)‖² / (2 · variance between identities at a pose); of levels over all pairs of them",
        unit="distance between images",
        low=0,
        null="1, the distance to another image",
        ideal="small for what should be invariant, large for what should be kept",
    ),
    Metric(
        "heterogeneity",
        "does the factor move all images by as much? 0: yes, 1: as if half of them stood still",
        block="effects",
        definition="√Cov(e, e′) / mean over identities of e, what grid neighbours (of levels other base poses) predict "
        "of an orbit's mean square; e and e′ from two halves of the base poses or of the grid; each class's movement "
        "in details",
        unit="standard deviation over mean",
        low=0,
        null="the two halves' identities permuted: all move alike but for noise",
        ideal="0",
    ),
    Metric(
        "variance_shares",
        "does the factor move all images alike (factor), or each smoothly in its own way (smooth)?",
        block="effects",
        definition="analysis of variance over identity × grid at each base pose: content, factor (additive), and the "
        "interaction in two, smooth (predicted from two grid neighbours on either side) and residual; of levels it is "
        "whole",
        unit="share of variance",
        low=0,
        high=1,
        null="permuted identities for content, a grid permuted in each orbit for factor, 0 for smooth",
        ideal="smooth 0 where the factor moves all images alike",
        of=("factor", "share"),
        shown=((1, ("factor", "smooth")),),
    ),
)
