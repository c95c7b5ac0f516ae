"""What an aggregator and a predictor make of sequences of views (Ghaemi et al., seq-JEPA, 2025, section 4)."""

from __future__ import annotations

from seqjepa.diagnostics.metric import Metric

VIEWS = "sequences are consecutive views of the joint design, in which all factors vary"
PERMUTED = "the same probe of values permuted over identities"

ENTRIES = (
    Metric(
        "sequence_accuracy",
        "how does the class accuracy from z_agg depend on the number of views, where the probe is fitted and tested?",
        block="sequences",
        definition=f"held-out accuracy of a linear probe of z_agg, fitted at one length, tested at another; {VIEWS}. "
        "Details say with how many views the model was trained: cells of equal lengths, of runs of several lengths, "
        "are the paper's heatmap",
        unit="accuracy",
        low=0,
        high=1,
        null="the best constant for the test identities, spread as independent answers are",
        ideal="1, and no less for lengths that were not trained",
        of=("views fitted", "views tested"),
        shown=((0, ("3",)),),
    ),
    Metric(
        "sequence_r2",
        "how does R² of the whole path from z_agg depend on the number of views, where the probe is fitted and tested?",
        block="sequences",
        title="sequence R²",
        definition="held-out R² of a linear probe of z_agg that predicts each factor's step from the first to the last "
        f"view, fitted at one length and tested at another; {VIEWS}",
        unit="R²",
        high=1,
        null=PERMUTED,
        ideal="1, and no less for lengths that were not trained",
        of=("factor", "views fitted", "views tested"),
        shown=((1, ("3",)), (2, ("3", "8"))),
    ),
    Metric(
        "path_integration",
        "is the whole path kept in z_agg, however long, and from what: views, actions, or both? R²",
        block="sequences",
        definition="held-out R² of a linear probe of z_agg for each factor's step from the first to the last view, "
        "fitted and tested at the same length. vision: the actions are withheld; action: every view is replaced by "
        "the mean",
        unit="R²",
        high=1,
        null=PERMUTED,
        ideal="1 at every length",
        of=("factor", "from", "views"),
        shown=((2, ("3", "8")),),
    ),
    Metric(
        "next_view",
        "does the prediction find the next view? mrr: mean of 1/rank, h@k: share among the first k",
        block="sequences",
        definition="rank of the view after the last by cosine similarity with the prediction, among all views of the "
        f"identity but the last; {VIEWS}",
        unit="mean of 1/rank, or share of hits",
        low=0,
        high=1,
        null="chance: H_n/n for mrr, k/n for h@k, of n candidates",
        ideal="1",
        of=("score",),
    ),
    Metric(
        "prediction_error",
        "how far is the prediction from the next view's representation? 0: it is the same",
        block="sequences",
        definition=f"mean of 1 - cosine of the prediction with z of the next view; {VIEWS}",
        unit="1 - cosine",
        low=0,
        high=2,
        null="the same with the identity's views but the last and the next",
        ideal="0",
        of=("of",),
    ),
    Metric(
        "seen_range",
        "is a factor read as well where its values were not trained on as where they were? R²",
        block="sequences",
        definition="held-out R² of a linear probe of z for the factor, on the views of the joint design where it lies "
        "within the range of training (seen), and on those where it does not (unseen); fitted and tested in each. R² "
        "is relative to the values' variance there, so ranges that are equally wide compare",
        unit="R²",
        high=1,
        null="the same probe of values permuted over those views",
        ideal="1 in both",
        of=("factor", "range"),
    ),
    Metric(
        "aggregation_gap",
        "what does aggregation add? what is read from z_agg, less what is read from z of the last view",
        block="sequences",
        definition="accuracy of the class, or R² of a factor's value at the last view (for which the actions are "
        "withheld, being an input), paired over identities; both linear probes",
        unit="accuracy, or R²",
        null="no difference",
        ideal="above 0 for the class; below 0 for factors, which z alone should keep",
        of=("target",),
    ),
)
