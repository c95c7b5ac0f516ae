"""How much is measured: all of it, or sizes so small that a test can see whether everything runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Sizes of the measurements.

    Attributes:
        repeats: rounds of quick work; slow work takes fewer.
        batch: sequences a step, None for the recipe's own.
        width: of encoders, None for the recipe's own.
        identities: of 25 codes each, for subspaces.
        samples: numbers of codes over which growth is measured.
        dims: numbers of dimensions over which growth is measured.
        images: to train on, and to hold out, of the run that is to reach the seed's quality.
    """

    repeats: int = 9
    batch: int | None = None
    width: int | None = None
    identities: int = 80
    samples: tuple[int, ...] = (2_000, 6_000, 20_000, 60_000, 200_000)
    dims: tuple[int, ...] = (128, 256, 512, 1024, 2048)
    images: tuple[int, int] = (5_000, 2_000)

    @property
    def tiny(self) -> bool:
        """Whether its figures say nothing."""
        return self.batch is not None

    @property
    def few(self) -> int:
        return max(1, self.repeats // 2)


FULL = Effort()
TINY = Effort(1, 8, 4, 8, (200, 600), (32, 64), (64, 64))
