"""``seqjepa diagnose``: parse, call, print."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqjepa.diagnostics import Diagnosis
    from seqjepa.sweeps import Sweeps
    from seqjepa.training import Config
    from seqjepa.types import Factor, Images

FACTORS = {  # options, with what they are in and their default without a run
    "rotation": ("degrees", (-180.0, 180.0)),
    "translate_x": ("pixels", (-7.0, 7.0)),
    "translate_y": ("pixels", (-7.0, 7.0)),
    "scale": ("a ratio", (0.5, 1.0)),
}
BASELINES = ("pixels", "pca", "untrained", "supervised")
OF_MODULES = ("untrained", "supervised")
SUPERVISED_IMAGES = 10_000
EXAMPLES = """examples:
  a run, under its own transformations and images
    seqjepa diagnose runs/mnist_affine-20260105-120000
  its checkpoint, turned all the way round, beside a network of the same shape that was trained on labels
    seqjepa diagnose examples/mnist_affine_fast.safetensors --rotation -180 180 --baselines untrained supervised
  a module of one's own, several layers in one pass, which ends with a table of layers and factors
    seqjepa diagnose --encoder my_package.models:net --images npz:mine.npz --layers layer2 layer4
  other people's encoders: an ONNX file, an exported program, timm's and Hugging Face's by name
    seqjepa diagnose --encoder model.onnx
    seqjepa diagnose --encoder program.pt2 --trust
    seqjepa diagnose --encoder timm:resnet18 --identities 64
    seqjepa diagnose --encoder hf:facebook/dinov2-small --pool first
  a quick look without any file: pixels of the embedded digits
    seqjepa diagnose --encoder pixels --images digits --identities 64
  codes that are there already: sweeps of an earlier diagnosis, or arrays of one's own
    seqjepa diagnose --sweeps runs/diagnosis-20260105-120000/sweeps.safetensors --probes linear mlp
    seqjepa diagnose --sweeps codes.npz
"""


def add_diagnose_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa diagnose`` takes."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("run", nargs="?", type=Path, help="a run's folder, its model.safetensors or a checkpoint")
    what.add_argument(
        "--encoder",
        help="model.onnx, program.pt2, timm:NAME, hf:NAME, pkg.mod:name (a module, a module's class, a function), "
        "pixels, pca:DIM",
    )
    what.add_argument("--sweeps", type=Path, help="saved sweeps, or an archive of codes, instead of an encoder")
    parser.add_argument(
        "--trust", action="store_true", help="load a .pt2 file or an encoder of one's own: they run code"
    )
    parser.add_argument("--images", help="see 'seqjepa list images' (default: the run's, else mnist)")
    parser.add_argument("--root", type=Path, help="where the images lie")
    for name, (unit, default) in FACTORS.items():
        text = f"range in {unit} (default: the run's, else {default[0]:g} {default[1]:g}; LOW = HIGH leaves it out)"
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, nargs=2, type=float, metavar=("LOW", "HIGH"), help=text)
    parser.add_argument("--identities", type=int, default=256, help="images (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=25, help="grid values of a sweep (default: %(default)s)")
    parser.add_argument("--base-poses", type=int, default=5, help="poses of each image to sweep around (default: 5)")
    parser.add_argument(
        "--probe-images",
        type=int,
        default=10_000,
        help="training images to fit probes of class and action on, 0 for none (default: 10,000)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of images, poses and splits (default: 0)")
    parser.add_argument("--layers", nargs="+", default=[], help="layers of a module, all in one pass")
    parser.add_argument(
        "--pool", default="mean", choices=("none", "mean", "first", "flatten"), help="of maps and tokens"
    )
    parser.add_argument("--pick", help="the entry of a dict, or the number of a tuple's, that is the code")
    parser.add_argument("--probes", nargs="+", default=["linear"], help="linear, knn, mlp (default: linear)")
    parser.add_argument(
        "--skip",
        nargs="+",
        default=[],
        metavar="BLOCK",
        help="blocks of figures to leave out, as in 'group', the slowest",
    )
    parser.add_argument(
        "--baselines",
        nargs="*",
        help=f"of {', '.join(BASELINES)} (default: pca untrained); with --sweeps files of others (default: none)",
    )
    parser.add_argument(
        "--supervised-epochs",
        type=int,
        default=10,
        help=f"of the baseline 'supervised', on up to {SUPERVISED_IMAGES:,} training images (default: 10)",
    )
    parser.add_argument("--details", action="store_true", help="the whole table")
    parser.add_argument("--out", type=Path, help="folder (default: RUN/diagnosis, else runs/diagnosis-TIME)")


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Sweep, diagnose, save, print."""
    from seqjepa.diagnostics import identities_table, layers_table

    found, out = diagnoses(options)
    for layer, diagnosis in found.items():
        print(f"\nlayer {layer}" * bool(options.layers))
        print(diagnosis.table(options.details))
    if any(diagnosis.baselines for diagnosis in found.values()):
        print("\n* it differs from the baseline (95 %, paired over images)")
    if len(found) > 1:
        print(f"\n{layers_table(found)}")
    print(f"\n{identities_table(next(iter(found.values())))}\n\nsaved: {out}; for a page of it: seqjepa report {out}")
    return 0


def diagnoses(options: argparse.Namespace) -> tuple[dict[str, Diagnosis], Path]:
    """Of the code, or of each layer; and the folder they were saved in."""
    from seqjepa.diagnostics import diagnose as run
    from seqjepa.io.files import make_folder
    from seqjepa.training.folder import write_environment

    swept = _saved(options) if options.sweeps else _encoded(options)
    default = options.run / "diagnosis" if options.run and options.run.is_dir() else None
    out = make_folder(options.out or default or Path("runs") / f"diagnosis-{datetime.now():%Y%m%d-%H%M%S}")
    write_environment(out, options.seed, "cpu", "float32 codes, float64 figures")
    found = {}
    for layer, (codes, others) in swept.items():
        found[layer] = run(
            codes, others, seed=options.seed, probes=options.probes, skip=options.skip, progress=sys.stderr.isatty()
        )
        suffix = f"-{layer}" if options.layers else ""
        found[layer].save(out / f"diagnosis{suffix}.json")
        if not options.sweeps:
            codes.save(out / f"sweeps{suffix}.safetensors")
    return found, out


Swept = Mapping[str, tuple["Sweeps", Mapping[str, "Sweeps"]]]  # of each layer: its sweeps, and the baselines'


def _saved(options: argparse.Namespace) -> Swept:
    """Of files: nothing is encoded."""
    from seqjepa.sweeps.arrays import load_sweeps

    others = {Path(path).stem: load_sweeps(path) for path in options.baselines or []}
    return {"z": (load_sweeps(options.sweeps), others)}


def _encoded(options: argparse.Namespace) -> Swept:
    """Of an encoder over images."""
    from seqjepa.images import load_images

    encoder, config = _encoder(options)
    source = options.images or (config.images.source if config else "mnist")
    root = options.root or (config.images.root if config else None)
    train, test = (load_images(source, split, root) for split in ("train", "test"))
    job = _Job(options, config, _factors(options, config), train, test)
    encoder = encoder or job.of_pixels(options.encoder)
    names = _baselines(options, encoder)
    sweeps = job.sweeps(encoder)
    print(f"images are prepared by: {next(iter(sweeps.values())).metadata['preprocess']}")
    others = {name: job.baseline(name, encoder) for name in names}
    return {
        layer: (codes, {name: other.get(layer) or other["z"] for name, other in others.items()})
        for layer, codes in sweeps.items()
    }


def _encoder(options: argparse.Namespace) -> tuple[Any, Config | None]:
    """The encoder, None while it needs the images first; and the configuration it was trained with."""
    from seqjepa.training.saved import load_encoder, load_model
    from seqjepa.types import InputError
    from seqjepa.workflows.encoders import CHOICES, open_encoder

    given = Path(options.run or options.encoder)
    if (options.run and given.suffix not in (".onnx", ".pt2")) or given.is_dir() or given.suffix == ".safetensors":
        return load_encoder(given, trust=options.trust), load_model(given, trust=options.trust)[1]
    name = str(given) if options.run else options.encoder
    if name == "pixels" or name.startswith("pca:"):
        return None, None
    try:
        return open_encoder(name, trust=options.trust), None
    except InputError as error:
        if str(error).endswith(CHOICES):
            raise InputError(f"{error}, pixels, pca:DIM") from error
        raise


def _factors(options: argparse.Namespace, config: Config | None) -> tuple[Factor, ...]:
    from seqjepa.factors import affine_factors
    from seqjepa.types import InputError

    trained = {f.name: (f.low, f.high) for f in config.factors.factors()} if config else {}
    ranges: dict[str, Any] = {}
    for name, (_, default) in FACTORS.items():
        wanted = getattr(options, name) or (trained.get(name) if config else default)
        if wanted is not None and wanted[0] != wanted[1]:
            ranges[name] = tuple(wanted)
    if not ranges:
        raise InputError("no factor is left: give at least one range, as in --rotation -180 180")
    return affine_factors(**ranges)


def _baselines(options: argparse.Namespace, encoder: Any) -> list[str]:
    """Those asked for; of the usual ones, those that this encoder can have."""
    from torch import nn

    from seqjepa.encoders import untrained
    from seqjepa.types import InputError

    for name in options.baselines or []:
        if name not in BASELINES:
            raise InputError(f"baselines: {name!r} is not one of {', '.join(BASELINES)}")
        if name in OF_MODULES and not isinstance(encoder, nn.Module):
            raise InputError(f"baselines: {name!r} needs an encoder whose weights can be drawn anew, an nn.Module")
    if options.baselines is not None:
        return options.baselines
    usual = ["pca"]
    if isinstance(encoder, nn.Module):
        try:
            untrained(encoder)
            usual.append("untrained")
        except InputError as error:
            print(f"no baseline 'untrained': {error}")
    return usual


@dataclass(frozen=True)
class _Job:
    """What stays the same for an encoder and its baselines."""

    options: argparse.Namespace
    config: Config | None
    factors: tuple[Factor, ...]
    train: Images
    test: Images

    def sweeps(self, encoder: Any) -> Mapping[str, Sweeps]:
        """Of the encoder's code, or of each layer asked for."""
        from torch import nn

        from seqjepa.extraction import represent, represent_layers
        from seqjepa.types import InputError

        if not self.options.layers:
            return {"z": represent(encoder, self.test, self.factors, pick=self._pick(encoder), **self._design())}
        if not isinstance(encoder, nn.Module):
            raise InputError(f"layers: a {type(encoder).__name__} has none")
        return represent_layers(encoder, self.test, self.factors, self.options.layers, **self._design())

    def baseline(self, name: str, encoder: Any) -> Mapping[str, Sweeps]:
        """Of one of ``BASELINES`` over the same images and poses; layer by layer where it has the same ones."""
        import torch

        from seqjepa.encoders import untrained
        from seqjepa.extraction import represent, supervised
        from seqjepa.rng import generator

        o = self.options
        if name == "untrained":
            return self.sweeps(untrained(encoder, o.seed))
        if name == "supervised":
            how = dict(epochs=o.supervised_epochs, seed=o.seed, pick=self._pick(encoder), pool=o.pool)
            few = torch.randperm(len(self.train), generator=generator(o.seed, "supervised"))[:SUPERVISED_IMAGES]
            return self.sweeps(supervised(encoder, self.train[few], self.factors, **how, **self._views()))
        encoder = self.of_pixels("pca:64" if name == "pca" else name)
        return {"z": represent(encoder, self.test, self.factors, **self._design())}

    def of_pixels(self, name: str) -> Any:
        """Pixels, or "pca:DIM" fitted on the training images."""
        from seqjepa.encoders import PixelPCA, pixels
        from seqjepa.types import InputError

        if name == "pixels":
            return pixels
        dim = name.removeprefix("pca:")
        if not dim.isdigit():
            raise InputError(f"encoder: {name!r}: pca:DIM takes a number, as in pca:64")
        return PixelPCA.fit(self.train, int(dim))

    def _pick(self, encoder: Any) -> str | int | None:
        """What was asked for, else what is usual for an encoder of several outputs."""
        pick = self.options.pick or getattr(encoder, "usual_pick", None)
        return int(pick) if pick and pick.isdigit() else pick

    def _design(self) -> dict[str, Any]:
        o = self.options
        how: dict[str, Any] = dict(
            identities=o.identities, steps=o.steps, base_poses=o.base_poses, seed=o.seed, pool=o.pool
        )
        if o.probe_images:
            how |= dict(probe_images=self.train, probe_count=o.probe_images)
        return how | self._views()

    def _views(self) -> dict[str, Any]:
        """How views are made, and whether to show it."""
        how: dict[str, Any] = {}
        if self.config:
            how = dict(border=self.config.factors.border, circular_mask=self.config.factors.circular_mask)
        return how | {"progress": sys.stderr.isatty()}
