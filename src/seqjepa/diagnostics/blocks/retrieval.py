"""Does the predictor land on the right view?"""

from __future__ import annotations

from seqjepa.diagnostics.context import Context, from_ratio, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.ranking import HITS, placed, retrieval_scores
from seqjepa.diagnostics.views import reads
from seqjepa.types import NotIdentifiable


@reads("predictions")
def retrieval_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """The rank of the right view for the predictor's answer, among the other views of the image's sweep."""
    estimates: dict[Key, Estimate] = {}
    scores = ("mrr", *(f"h@{k}" for k in HITS))
    for factor in context.sweeps.axes:
        predictions = context.sweeps.predictions.get(factor.name)
        try:
            if predictions is None:
                raise NotIdentifiable("the encoder has no predictor, or the sweep is shorter than its sequences")
            sweep = context.sweeps.group_sweep(factor.name)
            found = placed(predictions, sweep)[context.split.test]
        except NotIdentifiable as error:
            estimates |= {(factor.name, score): unanswered(error) for score in scores}
            continue
        candidates = sweep.shape[2] - 1
        for score, (ratio, chance) in retrieval_scores(found, candidates).items():
            estimates[factor.name, score] = from_ratio(ratio, chance, "chance", {"candidates": candidates})
    return {"retrieval": estimates}
