"""Many comparisons at once: the false discovery rate of a table is held at 5 % (Benjamini and Hochberg, 1995)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seqjepa.diagnostics.bounds import NOTHING_TOLD
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.overlaps import CHANCE, IN_PART, SAYS_LITTLE
from seqjepa.diagnostics.metric import verdict_in_words

if TYPE_CHECKING:
    from seqjepa.diagnostics.diagnosis import Diagnosis

RATE = 0.05  # of false ones among the findings of a table
COMPARISONS = "comparisons"  # of a diagnosis' metadata: how many verdicts were corrected together
MANY = "many comparisons"  # the detail of a withdrawn finding
NOT_AFTER = "not after correction"

WITHDRAWN = {  # what is said in place of a finding that does not survive
    "above its null": "at its null",
    "below its null": "at its null",
    "shared": CHANCE,
    "less than covariance-matched chance": CHANCE,
    "differs": "no difference seen",
}
NOT_TOLD = {*WITHDRAWN.values(), SAYS_LITTLE, NOTHING_TOLD}


def findings(ps: Sequence[float]) -> list[bool]:
    """Which of the comparisons are findings, so that of all findings 5 % are expected to be false.

    Benjamini & Hochberg, Controlling the false discovery rate, J. R. Stat. Soc. B 57 (1995). It holds for independent
    comparisons, and for those that depend on each other positively, as estimates over the same identities do.

    Args:
        ps: of the comparisons, each in [0, 1].
    """
    from scipy.stats import false_discovery_control  # training imports this module, and can do without

    return [] if not len(ps) else (false_discovery_control(ps) <= RATE).tolist()


def corrected(
    estimates: Mapping[str, Mapping[Key, Estimate]],
) -> tuple[dict[str, dict[Key, Estimate]], int]:
    """Estimates whose verdicts hold the false discovery rate together, and how many comparisons there were.

    An estimate that stands in two cells, as the overlap of f with g and of g with f, is one comparison. A finding that
    does not survive is withdrawn, with its details saying so.
    """
    compared = {id(e): e for of in estimates.values() for e in of.values() if e.value is not None and e.p is not None}
    kept = dict(zip(compared, findings([e.p for e in compared.values() if e.p is not None]), strict=True))
    said = {of: e if kept[of] else withdrawn(e, len(compared)) for of, e in compared.items()}
    told = {metric: {key: said.get(id(e), e) for key, e in of.items()} for metric, of in estimates.items()}
    return told, len(compared)


def withdrawn(estimate: Estimate, comparisons: int) -> Estimate:
    """The estimate without its finding, if its verdict is one."""
    if estimate.verdict not in WITHDRAWN:
        return estimate
    note = f"{verdict_in_words(estimate.verdict, estimate.null_is)}, but {NOT_AFTER} for {comparisons} comparisons"
    said = IN_PART if estimate.verdict == "shared" and estimate.details.get(IN_PART) else WITHDRAWN[estimate.verdict]
    return replace(estimate, verdict=said, details={**estimate.details, MANY: note})


def told_from_null(estimate: Estimate) -> bool:
    """Whether an estimate is significantly different from its null, after the correction: as its verdict says.

    Of a verdict that says something else, whether its interval lies outside the null's. True where there is no null.
    """
    if estimate.verdict in WITHDRAWN or estimate.null is None or estimate.value is None:
        return True
    if estimate.verdict in NOT_TOLD or MANY in estimate.details:
        return False
    low, high = estimate.interval or (estimate.value, estimate.value)
    null_low, null_high = estimate.null_interval or (estimate.null, estimate.null)
    return low > null_high or high < null_low


def corrected_differences(differences: Sequence[Estimate]) -> list[Estimate]:
    """Differences whose verdicts hold the false discovery rate together; those without p stay as they are."""
    places = [place for place, of in enumerate(differences) if of.p is not None]
    found = list(differences)
    for place, kept in zip(places, findings([differences[place].p or 0.0 for place in places]), strict=True):
        if not kept:
            found[place] = withdrawn(found[place], len(places))
    return found


def baseline_differences(diagnosis: Diagnosis) -> dict[tuple[str, str, Key], Estimate]:
    """Every estimate's difference to each baseline's, by baseline, metric and key, corrected as one table."""
    keys = [
        (name, metric, key)
        for name, baseline in diagnosis.baselines.items()
        for metric, estimates in diagnosis.estimates.items()
        for key in estimates
        if key in baseline.estimates.get(metric, {})
    ]
    found = [diagnosis.estimates[m][k].minus(diagnosis.baselines[name].estimates[m][k]) for name, m, k in keys]
    return dict(zip(keys, corrected_differences(found), strict=True))


def held(comparisons: int) -> str:
    """The sentence that a table stands on."""
    return (
        f"{comparisons} comparisons with a null; over all of them the false discovery rate is held at "
        f"{100 * RATE:.0f} % (Benjamini-Hochberg)"
    )
