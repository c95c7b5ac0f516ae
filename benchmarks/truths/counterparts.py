"""Other packages' own figures beside ours, on the same numbers: the same to rounding, or why not."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqjepa.diagnostics.measures.health import two_nn
from seqjepa.diagnostics.measures.literature.axis_scores import (
    attribute_gap,
    binned,
    dci_completeness,
    dci_disentanglement,
    information_gap,
)
from seqjepa.diagnostics.measures.literature.group_scores import deviation_ratios, linear_cka
from seqjepa.diagnostics.measures.ranks import effective_rank
from seqjepa.diagnostics.measures.subspaces import principal_angles, subspace_overlap
from seqjepa.diagnostics.measures.variance import sensitivity


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def beside(ours: float, theirs: float) -> dict[str, float]:
    """Both, and how far apart relative to theirs."""
    apart = abs(ours - theirs) / max(abs(theirs), 1e-300)
    return {"ours": float(f"{ours:.9g}"), "theirs": float(f"{theirs:.9g}"), "apart": float(f"{apart:.1e}")}


def tmeasures() -> dict[str, Any]:
    """NormalizedVarianceInvariance is ``deviation_ratios``, a dimension at a time; its relation to sensitivity."""
    from tmeasures.np import NormalizedVarianceInvariance  # pyright: ignore[reportMissingImports]

    from truths.activations import OneLayer

    z = normal(20, 1, 9, 5) + 2 * normal(20, 1, 1, 5, seed=1)
    array = z[:, 0].numpy()

    class Arrays(OneLayer):
        """What tmeasures asks of a network: its activations, images first and transformations first."""

        def samples_first(self) -> Any:
            for orbit in array:
                yield None, ((None, [orbit[g : g + 1]]) for g in range(array.shape[1]))

        def transformations_first(self) -> Any:
            for g in range(array.shape[1]):
                yield None, ((None, [array[i : i + 1, g]]) for i in range(len(array)))

    theirs = NormalizedVarianceInvariance().eval(Arrays()).layers[0]
    ours = deviation_ratios(z)
    references = [sensitivity(z, g) for g in range(z.shape[2])]
    mean = sum(of.value for of in references) / len(references)
    along, between = z.var(2).mean((0, 1)).sum(), z.var(0).mean((0, 1)).sum()
    return {
        "NormalizedVariance, first dimension": beside(float(ours[0]), float(theirs[0])),
        "largest difference of any dimension": float(f"{np.abs(ours.numpy() - theirs).max():.1e}"),
        "sensitivity over all references, ratio of variances": beside(mean, float(along / between)),
    }


def scikit_dimension() -> dict[str, Any]:
    """TwoNN (Facco et al., 2017) and the participation ratio."""
    import skdim  # pyright: ignore[reportMissingImports]

    z = normal(1000, 4) @ normal(4, 10, seed=1) + 0.01 * normal(1000, 10, seed=2)
    ratio = skdim.id.lPCA(ver="participation_ratio").fit(z.numpy()).dimension_
    return {
        "participation ratio": beside(effective_rank(z, "participation"), float(ratio)),
        "TwoNN, fit of a line, a tenth of the ratios left out": float(skdim.id.TwoNN().fit(z.numpy()).dimension_),
        "TwoNN, ours": float(f"{two_nn(z):.9g}"),
    }


def rsatoolbox() -> dict[str, Any]:
    """Linear CKA is the whitened cosine similarity of squared Euclidean RDMs (Diedrichsen et al., 2021)."""
    import rsatoolbox as rsa  # pyright: ignore[reportMissingImports]

    a, b = normal(30, 12), normal(30, 5, seed=1)
    b = b + a[:, :5]
    with redirect_stdout(io.StringIO()):
        rdms = [rsa.rdm.calc_rdm(rsa.data.Dataset(of.numpy()), method="euclidean") for of in (a, b)]
        theirs = float(rsa.rdm.compare(rdms[0], rdms[1], method="cosine_cov")[0, 0])
    return {"linear CKA, whitened cosine of RDMs": beside(linear_cka(a, b), theirs)}


def scipy_angles() -> dict[str, Any]:
    """Principal angles; and Procrustes, whose scale is the sum of their cosines."""
    from scipy.linalg import orthogonal_procrustes, subspace_angles

    u, v = (torch.linalg.qr(normal(20, k, seed=k)).Q for k in (3, 4))
    theirs = np.sort(subspace_angles(u.numpy(), v.numpy()))
    ours = principal_angles(u, v).numpy()
    four = torch.linalg.qr(normal(20, 4, seed=9)).Q
    scale = orthogonal_procrustes(v.numpy(), four.numpy())[1]
    return {
        "smallest angle": beside(float(ours[0]), float(theirs[0])),
        "overlap, mean squared cosine": beside(subspace_overlap(u, v), float((np.cos(theirs) ** 2).mean())),
        "Procrustes' scale, sum of cosines": beside(float(principal_angles(v, four).cos().sum()), float(scale)),
    }


def disent() -> dict[str, Any]:
    """MIG and DCI's two entropies as disent has them (after disentanglement_lib), of the same bins and importances.

    Their SAP of continuous factors is the squared correlation: our R² of one target.
    """
    from disent.metrics import _dci, _mig, _sap  # pyright: ignore[reportMissingImports]

    random = torch.Generator().manual_seed(0)
    factors = torch.rand(3000, 2, generator=random, dtype=torch.float64)
    z = torch.cat([factors @ normal(2, 4), normal(3000, 2, seed=3)], 1) + 0.1 * normal(3000, 6, seed=4)
    importance = normal(6, 2, seed=5).abs()
    bins, of = binned(z), binned(factors)
    information = _mig._compute_mig(z.T.numpy(), of.T.numpy())["mig.discrete_score"]
    mine = sum(information_gap(bins, of[:, f]) for f in (0, 1)) / 2
    total = importance.sum(0) / importance.sum()
    complete = sum(float(total[f]) * dci_completeness(importance[:, f]) for f in (0, 1))
    theirs = _sap._compute_sap(z.T.numpy(), factors.T.numpy(), z.T.numpy(), factors.T.numpy(), True)["sap.score"]
    gap = sum(attribute_gap(z, factors[:, f : f + 1]) for f in (0, 1)) / 2
    return {
        "MIG": beside(mine, float(information)),
        "DCI disentanglement": beside(
            dci_disentanglement(importance), float(_dci._disentanglement(importance.numpy()))
        ),
        "DCI completeness": beside(complete, float(_dci._completeness(importance.numpy()))),
        "SAP": beside(gap, float(theirs)),
    }
