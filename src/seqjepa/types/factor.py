"""One factor of variation with its range."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seqjepa.types.errors import InputError


@dataclass(frozen=True)
class Factor:
    """One factor of variation with its range.

    Attributes:
        name: what it is called wherever it is reported.
        low, high: the range in the factor's own unit, ``low <= high``.
        unit: "deg", "px", "ratio", or any other; printed beside estimates.
        period: the period in the same unit for a cyclic factor, else None.
        logarithmic: sampled uniformly in its logarithm.
    """

    name: str
    low: float
    high: float
    unit: str = ""
    period: float | None = None
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise InputError(f"{self.name}: the range ({self.low}, {self.high}) must be finite")
        if self.low > self.high:
            raise InputError(f"{self.name}: low {self.low:g} is above high {self.high:g}")
        if self.logarithmic and self.low <= 0:
            raise InputError(f"{self.name}: low {self.low:g} must be above 0, since it is sampled in its logarithm")
        if self.period is not None and self.high - self.low > self.period:
            raise InputError(
                f"{self.name}: the range spans {self.high - self.low:g}, more than one period of {self.period:g}"
            )

    @property
    def full_circle(self) -> bool:
        """True when the range covers exactly one period."""
        return self.period is not None and math.isclose(self.high - self.low, self.period)
