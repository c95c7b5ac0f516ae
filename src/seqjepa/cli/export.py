"""``seqjepa export``: parse, call, print."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa export`` takes."""
    parser.add_argument("run", type=Path, help="the run's folder, its model.safetensors or a checkpoint")
    parser.add_argument("file", type=Path, help="where to write it, as in model.onnx")
    parser.add_argument("--trust", action="store_true", help="load a run that has its own encoder: this runs code")


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Write a run's encoder as an ONNX file."""
    from seqjepa.training.export import export_onnx

    saved = export_onnx(options.run, options.file, trust=options.trust)
    print(f"saved: {saved}: images (B, C, H, W) in [0, 1] to z (B, D)")
    return 0
