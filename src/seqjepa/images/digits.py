"""scikit-learn's embedded digits (1,797 of 8 × 8 pixels), brought to the shape of MNIST. Needs no file, no network."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F

from seqjepa.types import Images

TEST_EVERY = 5  # of each class, every fifth image is held out


def load_digits(split: str, root: Path | None = None) -> Images:
    """Digits of 20 × 20 pixels in the middle of 28 × 28, as in MNIST; ``root`` is not needed."""
    from sklearn.datasets import load_digits as embedded

    pixels, target = embedded(return_X_y=True)
    small = torch.from_numpy(pixels).float().reshape(-1, 1, 8, 8) / 16
    large = F.interpolate(small, size=(20, 20), mode="bicubic", align_corners=False).clamp(0, 1)
    pixels = (F.pad(large, (4, 4, 4, 4)) * 255).round().to(torch.uint8)
    labels = torch.from_numpy(target).long()
    of_class = F.one_hot(labels).cumsum(0)[torch.arange(len(labels)), labels]  # 1 for the first of its class, then 2, …
    held_out = of_class % TEST_EVERY == 0
    chosen = held_out if split == "test" else ~held_out
    return Images(pixels[chosen], labels[chosen], tuple(str(d) for d in range(10)))
