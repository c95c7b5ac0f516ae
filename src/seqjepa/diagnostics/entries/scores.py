"""Scores of the literature, under the same protocol."""

from __future__ import annotations

from seqjepa.diagnostics.metric import Metric

ENTRIES = (
    Metric(
        "axis_scores",
        "what do scores of the literature say? DCI, MIG, SAP: has a factor one dimension of its own? CKA: is it loud?",
        block="literature",
        definition="DCI (Eastwood & Williams 2018, ridge weights; informativeness is R² on held-out identities), MIG "
        "(Chen et al. 2018, 20 bins), SAP (Kumar et al. 2018, R²) on test identities of the joint design; cka: linear "
        "CKA of z and the factor (Kornblith et al. 2019)",
        unit="score",
        low=0,
        high=1,
        null="factors of other identities",
        ideal="1; all but informativeness and cka change when z is rotated, and a circle needs two dimensions: its mig "
        "and sap are about 0",
        of=("score", "factor"),
    ),
    Metric(
        "lie_derivative",
        "how fast does the representation move at the neutral pose? local equivariance error for ρ = 1, 0: it stays",
        block="literature",
        definition="E‖∂z/∂g‖² / variance between identities, by central differences (Gruver et al. 2023)",
        unit="per radian, pixel or unit of log scale, squared",
        low=0,
        ideal="0 for what should be invariant",
    ),
    Metric(
        "d_lsbd",
        "does one plane turn with the factor? 0: exactly, 1: not at all",
        block="literature",
        title="D_LSBD",
        definition="dispersion of ρ_ω(g)⁻¹ z(g x) in the plane of the orbits' two leading components, whitened, with "
        "the best whole ω (Tonnaer et al. 2022)",
        unit="share of variance",
        low=0,
        high=1,
        null="a grid permuted in each orbit, about 1 − 1/G",
        ideal="0",
        of=("circle",),
    ),
)
