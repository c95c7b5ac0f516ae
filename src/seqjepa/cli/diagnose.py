"""``seqjepa diagnose``: parse, call, print."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqjepa.cli.jobs import add_job_arguments, job_options
from seqjepa.cli.messages import shown_messages
from seqjepa.workflows.defaults import BASELINES, RANGES, SOURCE, SUPERVISED_IMAGES

if TYPE_CHECKING:
    from seqjepa.diagnostics import Diagnosis

UNITS = {"rotation": "degrees", "translate_x": "pixels", "translate_y": "pixels", "scale": "a ratio"}
EXAMPLES = """examples:
  a run, under its own transformations and images
    seqjepa diagnose runs/mnist_affine-20260105-120000
  a checkpoint, over the full circle, beside the same architecture untrained and trained on labels
    seqjepa diagnose examples/mnist_affine_fast.safetensors --rotation -180 180 --baselines untrained supervised
  your own module, several layers in one pass; ends with a table of layers and factors
    seqjepa diagnose --encoder my_package.models:net --images npz:mine.npz --layers layer2 layer2:flatten layer4
  your own file, without installing it
    seqjepa diagnose --encoder ./my_encoder.py:net --images digits
  weights of your own class, which was trained on 0 to 255 and BGR
    seqjepa diagnose --model my_package.models:Net --weights last.ckpt --channels bgr --value-range 0 255
  other encoders: an ONNX file, an exported program, models of timm and Hugging Face by name
    seqjepa diagnose --encoder model.onnx
    seqjepa diagnose --encoder program.pt2 --trust
    seqjepa diagnose --encoder timm:resnet18 --identities 64
    seqjepa diagnose --encoder hf:facebook/dinov2-small --pool first
  several encoders over the same images; what is done is skipped when the command is given again
    seqjepa diagnose --encoder ours=model.onnx --encoder theirs=timm:resnet18 --images digits --out runs/zoo
    seqjepa diagnose --encoder-list zoo.txt --images digits --out runs/zoo
  four of them at once on this machine; each as a job of a cluster
    seqjepa diagnose --encoder-list zoo.txt --images digits --out runs/zoo --jobs 4
    seqjepa diagnose --encoder-list zoo.txt --images digits --out runs/zoo --jobs 20 --cluster slurm \\
        --cluster-options timeout_min=120 slurm_partition=gpu gpus_per_node=1 cpus_per_task=4
  a quick look without any file: pixels of the embedded digits
    seqjepa diagnose --encoder pixels --images digits --identities 64
  a scene of your own: any factors, rendered by your own code
    seqjepa diagnose --encoder ./my_encoder.py:net --scene ./my_scene.py:scene
  representations computed before: sweeps of an earlier diagnosis, or arrays of your own
    seqjepa diagnose --sweeps runs/diagnosis-20260105-120000/sweeps.safetensors --probes linear mlp
    seqjepa diagnose --sweeps mine.npz
  recorded data: what was seen at values that nobody can choose again
    seqjepa diagnose --recorded mine.npz
"""


OF_ENCODERS = (  # options that say how an encoder is swept
    *("images", "scene", "root", "factors", "identities", "steps", "base_poses", "probe_images"),
    *("layers", "pool", "pick", "supervised_epochs", "device", "trust", "weights", "dtype", "batch_size", "budget"),
    *("cache", "border", "circular_mask", "reuse"),
)
CACHE = "runs/sweeps"
INPUTS = ("size", "channels", "value_range", "mean", "std")  # together they are ``preprocess``


def _number_or_name(text: str) -> int | str:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else text


def add_diagnose_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa diagnose`` takes. Options that are not given are left to the defaults of ``diagnose_encoder``."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("run", nargs="?", type=Path, help="a run's folder, its model.safetensors or a checkpoint")
    what.add_argument(
        "--encoder",
        action="append",
        metavar="[NAME=]ENCODER",
        help="model.onnx, program.pt2, timm:NAME, hf:NAME, pkg.mod:name or ./file.py:name (a module, a module's class, "
        "a function), pixels, pca:DIM; several times for several, each in a folder of its own, compared at the end",
    )
    what.add_argument(
        "--sweeps", type=Path, help="saved sweeps, or an archive of representations, instead of an encoder"
    )
    what.add_argument(
        "--recorded",
        type=Path,
        metavar="FILE",
        help="a .npz of records: codes (N, D), identities (N,), and values/NAME (N,) for each factor",
    )
    what.add_argument("--model", help="pkg.mod:Class or ./file.py:Class, a module whose weights --weights gives")
    what.add_argument(
        "--encoder-list", type=Path, metavar="FILE", help="a text file of encoders, one a line, instead of --encoder"
    )
    add = parser.add_argument
    add("--weights", type=Path, help="a state dict, plain or of Lightning, of the module that --model names")
    add(
        "--trust",
        action="store_true",
        default=None,
        help="load a .pt2 or TorchScript file, or a run's own encoder: they run code",
    )
    add("--images", help=f"see 'seqjepa list images' (default: the run's, else {SOURCE})")
    add(
        "--scene",
        help="pkg.mod:name or ./file.py:name of a scene instead of images: an object with factors, len and "
        "render(identities, values), or a function that makes one",
    )
    add("--root", type=Path, help="where downloaded images lie")
    for name, (low, high) in RANGES.items():
        text = f"range in {UNITS[name]} (default: the run's, else {low:g} {high:g}; LOW = HIGH leaves it out)"
        add("--" + name.replace("_", "-"), nargs=2, type=float, metavar=("LOW", "HIGH"), help=text)
    add(
        "--size", nargs="+", type=int, metavar="PIXELS", help="height and width that the encoder wants, or one for both"
    )
    add("--channels", type=_number_or_name, help="grey, rgb, bgr or how many (default: as the encoder says)")
    add("--value-range", nargs=2, type=float, metavar=("LOW", "HIGH"), help="what 0 and 1 become (default: 0 1)")
    for name in ("mean", "std"):
        text = "of each channel, of values in that range; with the other one" * (name == "mean")
        add(f"--{name}", nargs="+", type=float, metavar="VALUE", help=text or "see --mean")
    add(
        "--border",
        help="what lies outside an image that is moved: zeros or reflection (default: the run's, else zeros)",
    )
    add(
        "--circular-mask",
        action=argparse.BooleanOptionalAction,
        help="set to 0 what lies outside the inscribed circle (default: as the run's, else no)",
    )
    add("--identities", type=int, help="held-out images that are moved (default: 256)")
    add("--steps", type=int, help="values of the factor in a sweep (default: 25)")
    add("--base-poses", type=int, help="poses of each image around which the factor moves (default: 5)")
    add(
        "--probe-images",
        type=int,
        help="at most this many training and as many held-out images for probes of class and action; 0: none "
        "(default: 10000)",
    )
    add("--seed", type=int, help="of images, poses and splits (default: 0)")
    add(
        "--layers",
        nargs="+",
        help="layers of a module, or nodes of an ONNX file, all in one pass; "
        "LAYER:flatten and the like pools one another way than --pool",
    )
    pools = ("none", "mean", "mean_nchw", "mean_nhwc", "patches", "first", "flatten")
    add(
        "--pool",
        choices=pools,
        help="how maps and tokens become one vector; mean_nchw, mean_nhwc: where channels stand; patches: "
        "tokens but those of class and registers (default: mean)",
    )
    add("--pick", help="which output is the representation: a dict's key, or a tuple's index")
    add("--probes", nargs="+", help="any of linear, knn, mlp (default: linear)")
    add("--skip", nargs="+", metavar="BLOCK", help="blocks of estimates to leave out, for example 'group', the slowest")
    add(
        "--baselines",
        nargs="*",
        help=f"any of {', '.join(BASELINES)} (default: pca untrained); with --sweeps: files of sweeps (default: none)",
    )
    add(
        "--supervised-epochs",
        type=int,
        help=f"epochs of the baseline 'supervised', on up to {SUPERVISED_IMAGES:,} training images (default: 10)",
    )
    add("--device", help="auto, cpu, cuda, cuda:1 … (default: auto, a GPU where there is one)")
    add("--dtype", help="float32, bfloat16 or float16, the last two by autocast (default: float32)")
    add(
        "--batch-size",
        type=_number_or_name,
        help="views the encoder is given at once (default: auto, found by trying)",
    )
    add(
        "--budget",
        nargs="+",
        metavar="AMOUNT",
        help="what encoding may take, as 10min, 4GiB or both: images, steps and base poses are chosen to fit",
    )
    add(
        "--cache",
        help=f"folder of kept representations, so that none is encoded twice; or none (default: {CACHE})",
    )
    add_job_arguments(parser, "encoder")
    add(
        "--reuse",
        action="store_true",
        default=None,
        help="show what --out holds where that is the whole of this very diagnosis; of several encoders always so",
    )
    add("--details", action="store_true", help="every estimate in the table")
    add("--out", type=Path, help="folder (default: RUN/diagnosis, else runs/diagnosis-TIME)")


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Diagnose and print."""
    from seqjepa.diagnostics import identities_table, layers_table
    from seqjepa.diagnostics.diagnosis import LEFT_OUT
    from seqjepa.types import InputError
    from seqjepa.workflows.home import SAVING
    from seqjepa.workflows.many import read_list

    folder = options.out or _default_folder(options)
    where = job_options(options)
    encoders = read_list(options.encoder_list) if options.encoder_list else options.encoder or []
    if options.encoder_list or len(encoders) > 1:
        return _run_many(options, encoders, folder, where)
    if where != {"jobs": 1, "cluster": None, "cluster_options": {}}:
        raise InputError("--jobs and --cluster: of several encoders; give --encoder more than once, or --encoder-list")
    with shown_messages():
        found = _diagnoses(options, folder)
    for layer, diagnosis in found.items():
        print(f"\nlayer {layer}" * bool(options.layers))
        print(diagnosis.table(options.details))
    if any(diagnosis.baselines for diagnosis in found.values()):
        print("\n* it differs from the baseline (95 %, paired over images)")
    if len(found) > 1:
        print(f"\n{layers_table(found)}")
    print(f"\n{identities_table(next(iter(found.values())))}")
    if any(what.startswith(SAVING) for of in found.values() for what in of.metadata.get(LEFT_OUT, {})):
        print(f"seqjepa: not all of it could be saved in {folder}", file=sys.stderr)
        return 1
    print(f"\nsaved: {folder}; for a page of it: seqjepa report {folder}")
    return 0


def _run_many(options: argparse.Namespace, encoders: list[str], folder: Path, where: dict[str, Any]) -> int:
    """Returns 1 when one failed."""
    from seqjepa.workflows.many import PAGE, diagnose_encoders

    given = _of_encoder(options)
    given.pop("reuse", None)  # it is always so
    with shown_messages():
        done = diagnose_encoders(encoders, folder=folder, **given, **where)
    if done.comparison is not None:
        print(f"\n{done.comparison.table(options.details)}\n\npage: {folder / PAGE}")
    print(f"\nsaved: {folder}, {len(done.found)} of {len(encoders)} encoders")
    for name, reason in done.failed.items():
        print(f"failed: {name}: {reason}")
    return 1 if done.failed else 0


def _diagnoses(options: argparse.Namespace, folder: Path) -> dict[str, Diagnosis]:
    from seqjepa.factors.opening import open_scene
    from seqjepa.types import InputError
    from seqjepa.workflows.diagnosing import diagnose_encoder, diagnose_run
    from seqjepa.workflows.diagnosing_sweeps import diagnose_sweeps

    if swept := options.sweeps or options.recorded:
        given = _given(options)
        for name in OF_ENCODERS:
            if name in given:
                flag = next(iter(given["factors"])) if name == "factors" else name
                raise InputError(f"--{flag.replace('_', '-')} says how to sweep an encoder; here there is none")
        for name in given.get("preprocess", ()):
            raise InputError(f"--{name.replace('_', '-')} is of an encoder's images; here there is none")
        given["progress"] = sys.stderr.isatty()
        return diagnose_sweeps(swept, folder=folder, **given)
    given = _of_encoder(options)
    given["folder"] = folder
    if "scene" in given:
        given["images"] = open_scene(given.pop("scene"))
    if options.run and options.run.suffix.lower() not in (".onnx", ".pt2"):
        return diagnose_run(options.run, **given)
    if bool(options.model) != bool(options.weights):
        raise InputError("--model and --weights go together: a class, and the file of its weights")
    encoder = options.encoder[0] if options.encoder else options.model or options.run
    return diagnose_encoder(encoder, **given)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The options that were given, as keywords."""
    given: dict[str, Any] = {name: getattr(options, name, None) for name in (*OF_ENCODERS, "probes", "skip", "seed")}
    ranges = {name: tuple(getattr(options, name)) for name in RANGES if getattr(options, name)}
    changes = {name: getattr(options, name) for name in INPUTS if getattr(options, name) is not None}
    given |= {"factors": ranges or None, "baselines": options.baselines, "preprocess": changes or None}
    return {name: value for name, value in given.items() if value is not None}


def _of_encoder(options: argparse.Namespace) -> dict[str, Any]:
    """The keywords of ``diagnose_encoder``, and ``scene``."""
    from seqjepa.types import InputError

    given: dict[str, Any] = _given(options)
    given["progress"] = sys.stderr.isatty() or "lines"
    given["cache"] = None if given.get("cache") == "none" else given.get("cache", CACHE)
    if "supervised_epochs" in given and "supervised" not in given.get("baselines", ()):
        raise InputError("--supervised-epochs is of the baseline 'supervised': add it to --baselines")
    if given.get("pick", "").isdecimal():
        given["pick"] = int(given["pick"])
    if "scene" in given and ("images" in given or "factors" in given):
        raise InputError("--scene: a scene has images, factors and ranges of its own; leave the other options out")
    return given


def _default_folder(options: argparse.Namespace) -> Path:
    from seqjepa.types.checking import user_path

    if options.run and user_path(options.run).is_dir():
        return options.run / "diagnosis"
    return Path("runs") / f"diagnosis-{datetime.now():%Y%m%d-%H%M%S}"
