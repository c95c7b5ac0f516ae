"""Which ideal a representation is closer to, factor by factor: disentangled, or linear-equivariant."""

from __future__ import annotations

from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.ideals import DISENTANGLED, EQUIVARIANT, SAME

HALF, THIRD = 1 / 2, 1 / 3
BETWEEN, BOTH, NEITHER = "between", "both", "neither"


def nearest_ideal(diagnosis: Diagnosis, factor: str) -> str | None:
    """The ideal that a factor's effect is closer to; None where the sweeps cannot say.

    "neither": a linear operator removes less than half of the error that a small network removes (of all error, where
    no network was asked): noise, which neither can remove, is not taken for a lack of linearity.
    Else what decides is how much of the movement is the same for all images, on the line between the values of the two
    ideals: over two thirds of the way "disentangled", under one third "equivariant". Where both ideals move all images
    alike, as a shift does, and the representation does so too, it is "both". The share is factor / (factor + smooth) of
    ``variance_shares``, which noise does not lower, or ``orbit_share`` where there is none.

    Returns:
        "disentangled", "equivariant", "between", "both", "neither", or None.
    """
    operator, share = _get(diagnosis, "operator", factor), _get(diagnosis, "orbit_share", factor)
    if operator is None or share is None or not {DISENTANGLED, EQUIVARIANT} <= set(share.ideals):
        return None
    if (operator.value or 0.0) < HALF * float(operator.details.get("network", 1.0)):
        return NEITHER
    high, low = share.ideals[DISENTANGLED], max(0.0, share.ideals[EQUIVARIANT])
    alike = _alike(diagnosis, factor)
    value = (share.value or 0.0) if alike is None else alike
    if high - low <= SAME:
        return BOTH if value >= HALF * high else BETWEEN
    place = (value - low) / (high - low)
    return DISENTANGLED if place > 1 - THIRD else EQUIVARIANT if place < THIRD else BETWEEN


def _alike(diagnosis: Diagnosis, factor: str) -> float | None:
    """Of the movement that is smooth in the factor, the share that is the same for all images."""
    common, own = (_get(diagnosis, "variance_shares", (factor, share)) for share in ("factor", "smooth"))
    if common is None or own is None or common.value is None or own.value is None:
        return None
    whole = max(0.0, common.value) + max(0.0, own.value)
    return max(0.0, common.value) / whole if whole > 0 else None


def _get(diagnosis: Diagnosis, metric: str, key: Key) -> Estimate | None:
    found = diagnosis.estimates.get(metric, {}).get(key)
    return None if found is None or found.value is None else found
