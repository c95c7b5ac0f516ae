"""In which directions a factor lives, and which it shares."""

from __future__ import annotations

from seqjepa.diagnostics.metric import Metric

_PAIR = ("factor", "factor")
ENTRIES = (
    Metric(
        "shared_variance",
        "do two factors move the representation along the same directions, weighted by how much? 0: none, 1: all",
        block="shared",
        definition="⟨C_f, C_g⟩ / √(⟨C_f, C_f⟩ ⟨C_g, C_g⟩), Frobenius products of signal covariances over pairs of "
        "different identities: unbiased by noise, without a chosen dimension",
        unit="similarity",
        low=0,
        high=1,
        null="one of the two turned at random within the representation's spectrum",
        ideal="0",
        of=_PAIR,
        symmetric=True,
    ),
    Metric(
        "dimension",
        "in how many directions does the factor move the representation?",
        block="subspaces",
        definition="k_f: leading directions of the signal covariance whose held-out signal stands above permuted grids",
        unit="dimensions",
        low=0,
        null="0, permuted grids",
        ideal="2 for a circle, 1 for a line",
    ),
    Metric(
        "explained_variance",
        "how much of the factor's movement do its k leading directions hold? k: 2 for a circle, 1 for a line",
        block="subspaces",
        definition="EV@k = tr(U_kᵀ S_f U_k) / tr S_f, S_f the signal covariance, U from the other half of the images",
        unit="share of variance",
        low=0,
        high=1,
        null="permuted grids",
        ideal="1",
    ),
    Metric(
        "common_orbit",
        "how much of the mean orbit, which all images share, do the k leading directions hold?",
        block="subspaces",
        definition="EV@k of the mean orbit, from products of different identities only",
        unit="share of variance",
        low=0,
        high=1,
        null="k/D, a random subspace",
        ideal="1",
    ),
    Metric(
        "reliability",
        "do two halves of the images agree on the factor's directions? under 0.8: they are not known",
        block="subspaces",
        definition="(r − k/D) / (1 − k/D), with r the overlap of the subspaces of two halves of the identities",
        unit="agreement",
        high=1,
        null="0, chance",
        ideal="1",
    ),
    Metric(
        "overlap",
        "do two factors share directions? 0: none, 1: all",
        block="subspaces",
        definition="‖U_fᵀU_g‖²_F / min(k_f, k_g), f from one half of the identities and g from the other, both ways",
        unit="share of directions",
        low=0,
        high=1,
        null="random subspaces of the representations' covariance",
        ideal="0",
        of=_PAIR,
        symmetric=True,
    ),
    Metric(
        "alignment",
        "how much of one factor's movement lies in another's directions? 1: as much as in its own",
        block="subspaces",
        definition="of f's held-out signal variance in its own k_g leading directions, the share that g's hold: "
        "tr(U_gᵀ S_f U_g) / tr(U_fᵀ S_f U_f)",
        unit="share of variance",
        low=0,
        null="random subspaces of the representations' covariance",
        ideal="0",
        of=_PAIR,
    ),
)
