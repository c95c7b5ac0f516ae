"""Sequences of views with their actions, as a model sees them: ``python examples/draw_views.py views.png``."""

import math
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import torch

import seqjepa as sj

mpl.use("Agg")
ROWS, VIEWS = 3, 4


def main(path: str) -> None:
    images = sj.load_images("digits", "test")
    factors = sj.affine_factors(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
    poses = sj.sample_poses(factors, (ROWS, VIEWS), torch.Generator().manual_seed(3))
    poses.values[:, 0] = 0  # the first view is the image as it is
    views = sj.warp(images.pixels[[3, 20, 37]], poses)[:, :, 0]
    steps = sj.actions(poses)

    figure, axes = plt.subplots(ROWS, VIEWS, figsize=(7.2, 5.6), layout="constrained")
    for row in range(ROWS):
        for column in range(VIEWS):
            axis = axes[row, column]
            axis.imshow(views[row, column], cmap="gray_r", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
            role = "observed" if column < VIEWS - 1 else "target: predict its code"
            if row == 0:
                axis.set_title(f"view {column + 1}\n{role}", fontsize=9)
            if column:
                sin, cos, x, y, log_scale = steps[row, column - 1].tolist()
                turn = math.degrees(math.atan2(sin, cos))
                axis.set_xlabel(f"{turn:+.0f}°   {x:+.1f}, {y:+.1f} px   × {math.exp(log_scale):.2f}", fontsize=8)
    figure.supxlabel("below each view: the action that led to it (rotation, translation, scale)", fontsize=9)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "views.png")
