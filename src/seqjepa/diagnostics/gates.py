"""Requirements on a diagnosis: "overlap[rotation,translation] <= 0.1", judged by the estimate's interval.

::

    REQUIREMENT  ESTIMATE [- ESTIMATE] RELATION
    ESTIMATE     METRIC[PART, …]            as in 'seqjepa list metrics'; run[COLUMN]: the last row of metrics.csv
    RELATION     <= BOUND, >= BOUND, at chance [within NUMBER]
    BOUND        NUMBER, or chance [+ NUMBER, - NUMBER]

Chance is the estimate's null. "At chance" asks for an interval inside of the null and a margin on both sides, 0.05
unless another is given: that too little was measured to see a difference is no proof that there is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key, short
from seqjepa.types import InputError
from seqjepa.types.limits import NUMBER

RUN = "run"  # in the place of a metric: a column of metrics.csv
MARGIN = 0.05  # of "at chance"
ROUNDING = 1e-9
_NUMBER = r"\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?"
_ESTIMATE = r"([A-Za-z_]\w*)\s*\[([^\[\]]+)\]"
_PATTERN = re.compile(
    rf"\s*{_ESTIMATE}(?:\s*-\s*{_ESTIMATE})?\s*"
    rf"(?:(?P<relation><=|>=)\s*(?:(?P<number>[-+]?(?:{_NUMBER}))|chance(?:\s*(?P<sign>[-+])\s*(?P<beside>{_NUMBER}))?)"
    rf"|(?P<at>at\s+chance)(?:\s+within\s+(?P<margin>{_NUMBER}))?)\s*"
)
LONGEST = 1000  # characters of a requirement

Outcome = Literal["pass", "fail", "undecided"]


@dataclass(frozen=True)
class Requirement:
    """One requirement, as it was written and as it was understood.

    Attributes:
        text: as it was written.
        of: the metric and key of its estimate; of two where it is of their difference.
        relation: "<=", ">=" or "at".
        number: the bound, beside chance where ``chance`` says so; the margin of "at".
        chance: whether the bound is counted from the estimate's null.
    """

    text: str
    of: tuple[tuple[str, Key], ...]
    relation: Literal["<=", ">=", "at"]
    number: float
    chance: bool = False


@dataclass(frozen=True)
class Judgement:
    """What came of a requirement.

    Attributes:
        requirement: which.
        outcome: "undecided" where the interval straddles the bound, or where there is no estimate.
        estimate: that it was judged by.
        factor: of an undecided one, how many times as many identities would decide if the estimate stayed as it is;
            None where no number would, or where that is not known.
        identities: that many, where the estimate's interval is over the diagnosis' identities.
    """

    requirement: Requirement
    outcome: Outcome
    estimate: Estimate
    factor: float | None = None
    identities: int | None = None

    @property
    def reason(self) -> str:
        """Why it is undecided, and what would decide; nothing of the others."""
        if self.outcome != "undecided":
            return ""
        if self.estimate.value is None:
            return f"not identifiable: {self.estimate.reason}"
        if self.factor is None:
            return "the estimate lies at the bound: no number of identities decides"
        if self.identities is None:
            return f"{self.factor:.1f} times as many images would decide"
        return f"about {self.identities} identities would decide"


def parse_requirement(text: str) -> Requirement:
    """A requirement out of its text; nothing of it is run. Raises InputError that shows how one is written."""
    found = _PATTERN.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise InputError(
            f"requirement {text[:200]!r}: write METRIC[PART,…] <= NUMBER, >= NUMBER, >= chance + NUMBER, or at chance; "
            "or a difference, METRIC[…] - METRIC[…] >= NUMBER"
        )
    metric, parts, other, other_parts = found.groups()[:4]
    of = [(metric, _key(parts))] + ([(other, _key(other_parts))] if other else [])
    if found["at"]:
        return Requirement(text.strip(), tuple(of), "at", _number(text, found["margin"] or MARGIN), chance=True)
    relation: Literal["<=", ">="] = "<=" if found["relation"] == "<=" else ">="
    if found["number"] is not None:
        return Requirement(text.strip(), tuple(of), relation, _number(text, found["number"]))
    beside = _number(text, found["beside"] or 0.0) * (-1 if found["sign"] == "-" else 1)
    return Requirement(text.strip(), tuple(of), relation, beside, chance=True)


def _number(text: str, digits: str | float) -> float:
    value = float(digits)
    if not abs(value) <= NUMBER:
        raise InputError(f"requirement {text[:80]!r}: a number beyond {NUMBER:.0e}")
    return value


def judge(requirement: Requirement, diagnosis: Diagnosis, logged: Mapping[str, float] | None = None) -> Judgement:
    """Whether a diagnosis meets a requirement: by all of the estimate's interval, or by its value where it has none.

    A pass and a failure are decided by the interval's far end. The number of identities that would decide follows from
    the interval's width, which falls as 1/√n; the estimate itself is taken to stay.

    Args:
        requirement: as ``parse_requirement`` understood it.
        diagnosis: of the encoder.
        logged: the last values of the columns of metrics.csv; None where there is no run.

    Raises:
        InputError: an estimate that the diagnosis does not have, with those that it has, or one without a null.
    """
    estimates = [_estimate(metric, key, diagnosis, logged) for metric, key in requirement.of]
    estimate = estimates[0] if len(estimates) == 1 else _difference(*estimates)
    if estimate.value is None:
        return Judgement(requirement, "undecided", estimate)
    low, high = _bounds(requirement, estimate)
    first, last = _interval(estimate)
    near = ROUNDING * max(1.0, abs(estimate.value))
    if low - near <= first and last <= high + near:
        return Judgement(requirement, "pass", estimate)
    if last < low - near or first > high + near:
        return Judgement(requirement, "fail", estimate)
    factor = _times_as_many(estimate.value, (first, last), (low, high))
    over_identities = all(metric != RUN and diagnosis.metric(metric).over_identities for metric, _ in requirement.of)
    now = diagnosis.metadata.get("identities")
    needed = None
    if factor is not None and over_identities and isinstance(now, int):
        needed = math.ceil(factor * now * (1 - ROUNDING))
    return Judgement(requirement, "undecided", estimate, factor, needed)


def _key(parts: str) -> Key:
    key = tuple(part.strip() for part in parts.split(","))
    return key[0] if len(key) == 1 else key


def _estimate(metric: str, key: Key, diagnosis: Diagnosis, logged: Mapping[str, float] | None) -> Estimate:
    if metric == RUN:
        if logged is None:
            raise InputError(f"run[{_shown(key)}]: there is no metrics.csv; give a run's folder")
        if not isinstance(key, str) or key not in logged:
            raise InputError(f"run[{_shown(key)}]: the columns of metrics.csv are {', '.join(logged)}")
        value = logged[key]
        return Estimate(value) if math.isfinite(value) else Estimate(None, reason=f"{key} is {value}")
    found = diagnosis[metric]
    if key not in found:
        has = "; ".join(_shown(other) for other in found)
        raise InputError(f"{metric}[{_shown(key)}] is not in the diagnosis; it has {metric} of {has}"[:2000])
    return found[key]


def _difference(first: Estimate, second: Estimate) -> Estimate:
    """Paired over identities where both can be; else of the farthest ends of the two intervals, which is wider."""
    found = first.minus(second)
    if found.value is None or found.interval is not None:
        return found
    (low, high), (other_low, other_high) = _interval(first), _interval(second)
    return Estimate(found.value, (low - other_high, high - other_low), 0.0, "no difference", found.verdict)


def _interval(estimate: Estimate) -> tuple[float, float]:
    """Its interval; of one without, its value twice."""
    assert estimate.value is not None
    return estimate.interval or (estimate.value, estimate.value)


def _bounds(requirement: Requirement, estimate: Estimate) -> tuple[float, float]:
    """Between which the whole interval must lie."""
    number, null = requirement.number, estimate.null
    if requirement.chance and null is None:
        raise InputError(f"requirement {requirement.text!r}: the estimate has no null, so chance is not known")
    if requirement.relation == "at":
        assert null is not None
        low, high = estimate.null_interval or (null, null)
        return min(low, null - number), max(high, null + number)
    bound = number + (null or 0.0) * requirement.chance
    return (-math.inf, bound) if requirement.relation == "<=" else (bound, math.inf)


def _times_as_many(value: float, interval: tuple[float, float], bounds: tuple[float, float]) -> float | None:
    """By how much the identities must grow until the interval lies on one side; None where no number is enough."""
    (first, last), (low, high) = interval, bounds
    if low <= value <= high:  # will pass, once both ends are inside
        reaches = [(last - value, high - value), (value - first, value - low)]
    else:  # will fail, once the end towards the bound is outside
        reaches = [(value - first, value - high)] if value > high else [(last - value, low - value)]
    if any(width > distance <= 0 for width, distance in reaches):
        return None
    reached = [(width / distance) ** 2 for width, distance in reaches if width > 0 and math.isfinite(distance)]
    return max([1.0, *reached])


def _shown(key: Key) -> str:
    return key if isinstance(key, str) else ",".join(key)


def told(judgement: Judgement) -> str:
    """The estimate that was judged, and why nothing is decided."""
    estimate = judgement.estimate
    if estimate.value is None:
        return judgement.reason
    interval = f" [{short(estimate.interval[0])}, {short(estimate.interval[1])}]" if estimate.interval else ""
    null = f", chance {short(estimate.null)}" if judgement.requirement.chance and estimate.null is not None else ""
    return f"{short(estimate.value)}{interval}{null}" + (f"; {judgement.reason}" if judgement.reason else "")
