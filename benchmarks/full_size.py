"""Sweeps of full-size runs on a CPU: ``python benchmarks/full_size.py RUN [RUN …] [--group] [--untrained]``.

Each run's own factors and held-out images, its encoder in bfloat16 autocast as it was trained (a third of the time;
the representations differ from those of float32 by less than 1e-4 of their variance), to RUN/sweeps.safetensors:

    seqjepa diagnose --sweeps RUN/sweeps.safetensors --out RUN/diagnosis

With --group also sweeps that move the whole view, for the blocks group, irreps and retrieval. With --untrained the same
of the architecture before training, to RUN/untrained.safetensors, for --baselines.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import seqjepa as sj
from seqjepa.encoders import untrained
from seqjepa.training.config import config_from_yaml
from seqjepa.training.saved import SavedEncoder

DESIGN: dict[str, Any] = dict(identities=64, steps=13, base_poses=3, joint=20, seed=0)
PROBES = 2_000  # training images, and as many held out


class InBfloat16(SavedEncoder):
    """A saved encoder whose network runs in bfloat16 autocast; the representations are float32."""

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            return super().forward(images).float()


def encode(run: Path, file: Path, encoder: SavedEncoder, group: bool) -> None:
    """Sweep an encoder over a run's own factors and images."""
    config = config_from_yaml(run / "config.yaml")
    train, test = (sj.load_images(config.images.source, split, config.images.root) for split in ("train", "test"))
    sweeps = sj.represent(
        InBfloat16(encoder.model, encoder.normalise, encoder.config).eval(),
        test,
        config.factors.factors(),
        **DESIGN,
        group_sweeps=group,
        probe_images=train,
        probe_count=PROBES,
        border=config.factors.border,
        circular_mask=config.factors.circular_mask,
        progress=False,
    )
    sweeps.save(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--group", action="store_true")
    parser.add_argument("--untrained", action="store_true")
    options = parser.parse_args()
    for run in options.runs:
        trained = sj.load_encoder(run)
        encode(run, run / "sweeps.safetensors", trained, options.group)
        if options.untrained:
            fresh = untrained(trained, DESIGN["seed"])
            assert isinstance(fresh, SavedEncoder)  # the same with other weights
            encode(run, run / "untrained.safetensors", fresh, options.group)
