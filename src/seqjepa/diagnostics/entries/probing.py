"""What can be read, and from where."""

from __future__ import annotations

from seqjepa.diagnostics.metric import Metric

ENTRIES = (
    Metric(
        "leakage",
        "what can be read, from where, by which probe? R², or the accuracy for the class",
        block="leakage",
        definition="held-out R² of each factor and accuracy of the class, from z, its named parts, z_agg, a factor's "
        "subspace, and what is left without it; the same probes, views and budget in every cell. Linear probes have "
        "penalties from 0 to infinity, nearest neighbours and networks the better of two scalings, as the "
        "representation is and whitened",
        unit="R², or accuracy",
        high=1,
        null="the same probe of values permuted over identities (a network is only scaled anew); for the class the "
        "best constant for the test identities, spread as independent answers are",
        ideal="1 where a factor should be, the null elsewhere",
        of=("target", "source", "probe"),
        shown=((1, ("z",)), (2, ("linear",))),
    ),
    Metric(
        "r2_lost",
        "how much of the factor's R² is lost without its subspace? R² from all of z, less that from the rest",
        block="leakage",
        title="R² lost without the subspace",
        definition="max(0, R²(z)) − max(0, R²((I − U_fU_fᵀ) z)), linear; no answer where nothing is read from z",
        unit="R²",
        null="0, a subspace that is not needed",
        ideal="R² of z: all that is read is in the subspace",
    ),
    Metric(
        "action",
        "can the action between two views be read from their representations? R²",
        block="actions",
        definition="R² from [z₁, z₂] of an angle's sine and cosine, a shift's difference, a ratio's logarithm. The "
        "linear probe may also use products of the two views' coordinates in the 16 leading directions of z₂ − z₁: "
        "the sine of a difference of angles is one",
        unit="R²",
        high=1,
        null="the same probe of values permuted over identities; a network is only scaled anew",
        ideal="1",
        of=("factor", "probe"),
    ),
    Metric(
        "action_error",
        "how far off is the action that is read? median absolute error, in the factor's own unit",
        block="actions",
        definition="median absolute error of the same; as a ratio of 1 or more for a logarithmic factor",
        unit="the factor's own",
        low=0,
        null="the best constant",
        ideal="0 (1 for a ratio)",
        of=("factor", "probe"),
    ),
    Metric(
        "class_probe",
        "can the class be read from one view at a random pose? accuracy of a probe",
        block="classes",
        definition="accuracy on held-out images of a probe trained on many images, one random pose each",
        unit="accuracy",
        low=0,
        high=1,
        null="the best constant for the test images, spread as independent answers are",
        ideal="1, or a supervised network's",
        of=("probe",),
        over_identities=False,
    ),
    Metric(
        "cross_class_transfer",
        "can the factor be read from classes that the probe never saw? R²",
        block="contents",
        title="cross-class transfer",
        definition="R² of probes trained on half of the classes, on identities of the others; beside it in details the "
        "same after training on as many identities of all classes, and the drop, R² under 0 taken as 0. Lower: the "
        "drop's interval is above 0 and the drop 0.02 or more",
        unit="R²",
        high=1,
        null="the same probe of values permuted over identities",
        ideal="no drop",
        of=("factor", "absolute or relative", "probe"),
    ),
)
