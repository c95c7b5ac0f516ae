"""``seqjepa diagnose`` and ``seqjepa compare``: parse, call, print."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqjepa.sweeps import Sweeps
    from seqjepa.training import Config
    from seqjepa.types import Factor, Images

FACTORS = {  # options, with what they are in and their default without a run
    "rotation": ("degrees", (-180.0, 180.0)),
    "translate_x": ("pixels", (-7.0, 7.0)),
    "translate_y": ("pixels", (-7.0, 7.0)),
    "scale": ("a ratio", (0.5, 1.0)),
}
BASELINES = ("pixels", "pca", "untrained")
EXAMPLES = """examples:
  seqjepa diagnose runs/mnist_affine-20260105-120000           a run, under its own transformations and images
  seqjepa diagnose examples/mnist_affine_fast.safetensors --rotation -180 180
  seqjepa diagnose --encoder my_package.models:net --images npz:mine.npz --layers layer2 layer4
  seqjepa diagnose --encoder pixels --images digits --anchors 64 --readers linear
"""


def add_diagnose_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa diagnose`` takes."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("run", nargs="?", type=Path, help="a run's folder, its model.safetensors or a checkpoint")
    what.add_argument("--encoder", help="pixels, pca:DIM, or pkg.mod:name (a module, a module's class, a function)")
    parser.add_argument("--images", help="see 'seqjepa list images' (default: the run's, else mnist)")
    parser.add_argument("--root", type=Path, help="where the images lie")
    for name, (unit, default) in FACTORS.items():
        text = f"range in {unit} (default: the run's, else {default[0]:g} {default[1]:g}; LOW = HIGH leaves it out)"
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, nargs=2, type=float, metavar=("LOW", "HIGH"), help=text)
    parser.add_argument("--anchors", type=int, default=256, help="images (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=25, help="grid values of a sweep (default: %(default)s)")
    parser.add_argument("--base-poses", type=int, default=5, help="poses of each image to sweep around (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of images, poses and splits (default: 0)")
    parser.add_argument("--layers", nargs="+", default=[], help="layers of a module, all in one pass")
    parser.add_argument(
        "--pool", default="mean", choices=("none", "mean", "first", "flatten"), help="of maps and tokens"
    )
    parser.add_argument("--pick", help="the entry of a dict, or the number of a tuple's, that is the code")
    parser.add_argument("--readers", nargs="+", default=["linear"], help="linear, knn, mlp (default: linear)")
    parser.add_argument("--baselines", nargs="*", default=["pca", "untrained"], help=f"of {', '.join(BASELINES)}")
    parser.add_argument("--details", action="store_true", help="the whole table")
    parser.add_argument("--out", type=Path, help="folder (default: RUN/diagnosis, else runs/diagnosis-TIME)")


def diagnose(options: argparse.Namespace, overrides: list[str]) -> int:
    """Sweep, diagnose, print, save."""
    from seqjepa.diagnostics import diagnose as run
    from seqjepa.files import make_folder
    from seqjepa.images import load_images

    encoder, config = _encoder(options)
    source = options.images or (config.images.source if config else "mnist")
    root = options.root or (config.images.root if config else None)
    job = _Job(
        options,
        config,
        _factors(options, config),
        load_images(source, "train", root),
        load_images(source, "test", root),
    )
    encoder = encoder or job.of_pixels(options.encoder)
    names = _baselines(options, encoder)
    default = options.run / "diagnosis" if options.run and options.run.is_dir() else None
    out = make_folder(options.out or default or Path("runs") / f"diagnosis-{datetime.now():%Y%m%d-%H%M%S}")
    sweeps, others = job.sweeps(encoder), {name: job.baseline(name, encoder) for name in names}
    for layer, codes in sweeps.items():
        diagnosis = run(codes, others, seed=options.seed, families=options.readers, progress=sys.stderr.isatty())
        suffix = f"-{layer}" if options.layers else ""
        print(f"layer {layer}\n" * bool(suffix) + diagnosis.table(options.details))
        diagnosis.save(out / f"diagnosis{suffix}.json")
        codes.save(out / f"sweeps{suffix}.safetensors")
    print("\n* it differs from the baseline (95 %, paired over images)" * bool(others) + f"\nsaved: {out}")
    return 0


def compare(options: argparse.Namespace, overrides: list[str]) -> int:
    """Two saved diagnoses side by side."""
    from seqjepa.diagnostics import Diagnosis
    from seqjepa.diagnostics import compare as run

    print(run(*(Diagnosis.load(_diagnosis_of(path)) for path in (options.first, options.second))).table())
    return 0


def _diagnosis_of(path: Path) -> Path:
    """The diagnosis in a run's folder, in a folder of its own, or the file itself."""
    found = [p for p in (path / "diagnosis" / "diagnosis.json", path / "diagnosis.json") if p.exists()]
    return found[0] if found else path


def _encoder(options: argparse.Namespace) -> tuple[Any, Config | None]:
    """The encoder, None while it needs the images first; and the configuration it was trained with."""
    from torch import nn

    from seqjepa.training.saved import load_encoder, load_model
    from seqjepa.types import InputError

    if options.run is not None:
        return load_encoder(options.run), load_model(options.run)[1]
    name = options.encoder
    if name == "pixels" or name.startswith("pca:"):
        return None, None
    module, colon, attribute = name.partition(":")
    if not colon:
        raise InputError(f"encoder: {name!r} is not one of pixels, pca:DIM, pkg.mod:name")
    sys.path.insert(0, "")  # as for 'python -m': a module beside the user
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"encoder: {name!r}: {error}") from error
    finally:
        sys.path.remove("")
    if isinstance(found, type) and issubclass(found, nn.Module):
        found = found()
    if not callable(found):
        raise InputError(f"encoder: {name!r} is a {type(found).__name__}, which cannot be called")
    return found, None


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
    from torch import nn

    from seqjepa.types import InputError

    for name in options.baselines:
        if name not in BASELINES:
            raise InputError(f"baselines: {name!r} is not one of {', '.join(BASELINES)}")
    return [name for name in options.baselines if name != "untrained" or isinstance(encoder, nn.Module)]


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

        from seqjepa.representations import represent, represent_layers
        from seqjepa.types import InputError

        pick = self.options.pick
        if not self.options.layers:
            number = int(pick) if pick and pick.isdigit() else pick
            return {"z": represent(encoder, self.test, self.factors, pick=number, **self._design())}
        if not isinstance(encoder, nn.Module):
            raise InputError(f"layers: a {type(encoder).__name__} has none")
        return represent_layers(encoder, self.test, self.factors, self.options.layers, **self._design())

    def baseline(self, name: str, encoder: Any) -> Sweeps:
        """Of one of ``BASELINES`` over the same images and poses."""
        from seqjepa.representations import represent, untrained

        if name == "untrained":
            encoder = untrained(encoder, self.options.seed)
            return represent(encoder, self.test, self.factors, pick=self.options.pick, **self._design())
        encoder = self.of_pixels("pca:64" if name == "pca" else name)
        return represent(encoder, self.test, self.factors, **self._design())

    def of_pixels(self, name: str) -> Any:
        """Pixels, or "pca:DIM" fitted on the training images."""
        from seqjepa.representations import PixelPCA, pixels
        from seqjepa.types import InputError

        if name == "pixels":
            return pixels
        dim = name.removeprefix("pca:")
        if not dim.isdigit():
            raise InputError(f"encoder: {name!r}: pca:DIM takes a number, as in pca:64")
        return PixelPCA.fit(self.train, int(dim))

    def _design(self) -> dict[str, Any]:
        o = self.options
        how: dict[str, Any] = dict(anchors=o.anchors, steps=o.steps, base_poses=o.base_poses, seed=o.seed, pool=o.pool)
        if self.config:
            how |= dict(border=self.config.factors.border, circular_mask=self.config.factors.circular_mask)
        return how | {"progress": sys.stderr.isatty()}
