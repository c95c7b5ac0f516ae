"""Whether the prediction lands, and whether the representation has collapsed."""

from __future__ import annotations

from seqjepa.diagnostics.metric import Metric

ENTRIES = (
    Metric(
        "retrieval",
        "does the prediction find the right view? mrr: mean of 1/rank, h@k: share among the first k",
        block="retrieval",
        definition="rank of the right view by cosine similarity among all views of its sweep but the source; of equals "
        "the mean over all their orders",
        unit="mean of 1/rank, or share of hits",
        low=0,
        high=1,
        null="chance: H_n/n for mrr, k/n for h@k, of n candidates",
        ideal="1",
        of=("factor", "score"),
    ),
    Metric(
        "health",
        "has the representation collapsed? ranks: dimensions used; two_nn: intrinsic; lidar: that tell images apart",
        block="health",
        definition="rankme exp H(σ/Σσ), uncentred; centred: eigen_entropy exp H(λ/Σλ), sigma_participation (Σσ)²/Σσ², "
        "participation (Σλ)²/Σλ², stable Σλ/max λ; two_nn, lidar, norm",
        unit="dimensions; norm in the representation's own unit",
        low=0,
        ideal="far from 1; as many as the factors and the contents need",
        of=("measure",),
        over_identities=False,
    ),
)
