"""One trained network asked three ways: ``python benchmarks/zoo_measures.py WHEELS [NAME]``.

tmeasures 1.2.11 (the normalised variance of Quiroga et al., 2020), the Lie derivative (Gruver et al., 2023) and this
package, over the same 128 digits and ranges. The first two are asked around each image as it is, 25 values a factor and
a small step; this package as ``represent`` does with one base pose. Prints what each says of each factor as a table,
with views and CPU seconds; encoding is counted for each. tmeasures in an environment of its own::

    pip install --no-deps --target ../tmeasures tmeasures==1.2.11 statsmodels patsy opencv-python-headless
    PYTHONPATH=../tmeasures python benchmarks/zoo_measures.py wheels
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from networks.packaged import NETWORKS
from tmeasures.np import NormalizedVarianceInvariance  # pyright: ignore[reportMissingImports]
from torch import Tensor
from truths.activations import OneLayer

import seqjepa as sj
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.encoders.preprocess import chosen_preprocess
from seqjepa.factors.affine_views import AffineViews

FACTORS = sj.affine_factors(rotation=(-30, 30), translate_x=(-4, 4), translate_y=(-4, 4), scale=(0.8, 1.25))
IMAGES, STEPS, BATCH = 128, 25, 64
SMALL = 0.02  # of a range: the step of the derivative
RELATED = ("rotation", "translate_x")


class Representation(torch.nn.Module):
    """A network up to one of its layers."""

    def __init__(self, network: torch.nn.Module, layer: str) -> None:
        super().__init__()
        self.network, self.found = network, list[Tensor]()
        network.get_submodule(layer).register_forward_hook(lambda module, inputs, z: self.found.append(z.flatten(1)))

    def forward(self, images: Tensor) -> Tensor:
        self.network(images)
        return self.found.pop()


class Asked:
    """The network over views of the images around themselves, counted."""

    def __init__(self, encoder: torch.nn.Module, preprocess: Any, images: sj.Images) -> None:
        self.encoder, self.prepare = encoder, chosen_preprocess(encoder, preprocess)
        self.scene, self.views = AffineViews(images, FACTORS), 0

    def __call__(self, who: Tensor, values: Tensor) -> Tensor:
        """Representations (B, D) of these images at values (B, F)."""
        self.views += len(who)
        with torch.no_grad():
            return self.encoder(self.prepare(self.scene.render(who, values)))


def neutral(count: int) -> Tensor:
    """Values that leave an image as it is."""
    return torch.tensor([1.0 if f.logarithmic else 0.0 for f in FACTORS], dtype=torch.float64).repeat(count, 1)


def moved(factor: sj.Factor, at: Tensor) -> Tensor:
    """One factor at these values, the others neutral."""
    values = neutral(len(at))
    values[:, FACTORS.index(factor)] = at
    return values


class Views(OneLayer):
    """What tmeasures asks of a network: an image under all values, and a value for all images."""

    def __init__(self, asked: Asked, factor: sj.Factor) -> None:
        low, high = (torch.tensor(end, dtype=torch.float64) for end in (factor.low, factor.high))
        grid = torch.linspace(0, 1, STEPS, dtype=torch.float64)
        self.grid = (low.log() + grid * (high / low).log()).exp() if factor.logarithmic else low + grid * (high - low)
        self.asked, self.factor = asked, factor

    def samples_first(self) -> Iterator[Any]:
        for i in range(IMAGES):
            z = self.asked(torch.full((STEPS,), i), moved(self.factor, self.grid))
            yield None, [(None, [z.numpy()])]

    def transformations_first(self) -> Iterator[Any]:
        for value in self.grid:
            z = self.asked(torch.arange(IMAGES), moved(self.factor, value.repeat(IMAGES)))
            yield None, [(None, [z.numpy()])]


def normalised_variance(asked: Asked, factor: sj.Factor) -> float:
    """The mean over dimensions, of those that differ at all."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = NormalizedVarianceInvariance().eval(Views(asked, factor)).layers[0]
    return float(ratios[np.isfinite(ratios)].mean())


def derivative(asked: Asked, factor: sj.Factor) -> float:
    """‖∂z/∂g‖² for the factor's whole range, over the variance of z: central differences at the image as it is."""
    who, still = torch.arange(IMAGES), neutral(IMAGES)
    at = still[:, FACTORS.index(factor)]
    width = np.log(factor.high / factor.low) if factor.logarithmic else factor.high - factor.low
    ahead, behind = (
        asked(who, moved(factor, at * np.exp(step) if factor.logarithmic else at + step))
        for step in (SMALL * width, -SMALL * width)
    )
    z = asked(who, still)
    return float(((ahead - behind) / (2 * SMALL)).square().sum() / (z - z.mean(0)).square().sum())


def timed(asked: Asked, ask: Callable[[Asked, sj.Factor], float]) -> tuple[dict[str, float], int, float]:
    asked.views, begun = 0, time.process_time()
    return {f.name: ask(asked, f) for f in FACTORS}, asked.views, time.process_time() - begun


def said(estimate: Estimate) -> str:
    if estimate.value is None or estimate.interval is None:
        return "–"
    return f"{estimate.value:.2f} [{estimate.interval[0]:.2f}, {estimate.interval[1]:.2f}]"


def main(wheels: Path, name: str) -> None:
    torch.set_num_threads(1)
    network = NETWORKS[name]
    images = sj.load_images("mnist", "test")[:IMAGES]
    with TemporaryDirectory() as models:
        encoder = Representation(network.encoder(wheels, Path(models), False), network.layers[-1]).eval()
    asked = Asked(encoder, network.preprocess, images)
    asked(torch.arange(IMAGES), neutral(IMAGES))  # what is set up but once
    theirs, their_views, their_time = timed(asked, normalised_variance)
    slopes, slope_views, slope_time = timed(asked, derivative)

    begun = time.process_time()
    how: dict[str, Any] = dict(preprocess=network.preprocess, batch_size=BATCH, progress=False)
    sweeps = sj.represent(encoder, images, FACTORS, IMAGES, STEPS, 1, **how)
    encoded = time.process_time() - begun
    found = sj.diagnose(sweeps)
    whole = time.process_time() - begun
    views = sum(z[..., 0].numel() for z in [*sweeps.values.values(), *sweeps.group_values.values(), sweeps.joint])

    print("| of | tmeasures | Lie derivative | how far it moves z | smooth | R² | variance shared with rotation |")
    print("|---|---|---|---|---|---|---|")
    for f in (factor.name for factor in FACTORS):
        shared = found["shared_variance"].get(("rotation", f)) or Estimate(None)
        cells = [said(found["sensitivity"][f]), said(found["variance_shares"][f, "smooth"])]
        cells += [said(found["leakage"][f, "z", "linear"]), said(shared)]
        print(f"| {f} | {theirs[f]:.2f} | {slopes[f]:.2f} | {' | '.join(cells)} |")
    print(
        f"\n{name}, {sweeps.dim} dimensions, {IMAGES} images. Views and CPU seconds: tmeasures {their_views:,} and "
        f"{their_time:.1f} s; Lie derivative {slope_views:,} and {slope_time:.1f} s; this package {views:,} and "
        f"{whole:.1f} s, of which {encoded:.1f} s to encode; {sum(map(len, found.estimates.values()))} estimates."
    )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "digits")
