"""Pictures of what scenes' factors do: ``SEQJEPA_CIFAR=cifar10_sample.npz python benchmarks/scenes_views.py``."""

import math

import torch
from matplotlib.figure import Figure
from scenes import objects, pictures
from tables_of_runs import RESULTS
from torch import Tensor

from seqjepa.factors import Scene
from seqjepa.factors.scenes import at_rest, class_names_of, labels_of, rendered
from seqjepa.report.style import save_figure, styled
from seqjepa.types.factor import value_columns
from seqjepa.types.rotations import multiply, turn

ACROSS = 7
SEEN = torch.nn.functional.normalize(torch.tensor([0.9, 0.35, 0.2, 0.1], dtype=torch.float64), dim=0)  # from a corner


def along(scene: Scene, name: str, share: Tensor) -> Tensor:
    """Values at which one factor takes its course and the others rest, a row for each share of it."""
    factors = {factor.name: factor for factor in scene.factors}
    values = at_rest(scene.factors).repeat(len(share), 1)
    columns = value_columns(scene.factors)
    if "orientation" in columns:
        values[:, columns["orientation"]] = SEEN
    if "light" in columns:
        values[:, columns["light"]] = torch.tensor([0.5, 0.6, 0.62], dtype=torch.float64)
    factor, own = factors[name], columns[name]
    if factor.space == "rotation":
        axis = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
        values[:, own] = multiply(turn(axis, 2 * math.pi * share), SEEN)
    elif factor.space == "direction":
        angle = math.pi * (share - 0.5)
        values[:, own] = torch.stack([angle.sin(), torch.full_like(share, 0.3), angle.cos()], 1)
    elif factor.logarithmic:
        values[:, own] = (math.log(factor.low) + share * math.log(factor.high / factor.low)).exp()[:, None]
    else:
        values[:, own] = (factor.low + share * (factor.high - factor.low))[:, None]
    return values


@styled
def course(scene: Scene, rows: list[tuple[int, str]]) -> Figure:
    """A row for an identity and the factor that moves it."""
    figure = Figure((7.2, 1.06 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), ACROSS)
    for axes, (who, name) in zip(grid, rows, strict=True):
        circle = name in ("orientation", "hue") and scene.factors[-1].period == 360 and len(scene.factors) == 4
        share = torch.linspace(0, 1, ACROSS + circle, dtype=torch.float64)[:ACROSS]
        images = rendered(scene, torch.full((ACROSS,), who), along(scene, name, share))
        for axis, image in zip(axes, images, strict=True):
            axis.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
        label = class_names_of(scene)[int(labels_of(scene)[who])]
        axes[0].set_ylabel(f"{name.replace('_', ' ')}\n({label})", fontsize=7)
    return figure


if __name__ == "__main__":
    _, space = objects(("orientation", "position", "light", "hue"), 66, 96)
    rows = [(10, "orientation"), (5, "orientation"), (8, "position"), (0, "light"), (6, "hue")]
    save_figure(course(space, rows), RESULTS / "objects3d" / "views.png")
    _, light = pictures()
    shown = [(3, "hue"), (3, "brightness"), (5, "blur"), (5, "crop_size"), (5, "crop_x")]
    save_figure(course(light, shown), RESULTS / "photometric" / "views.png")
