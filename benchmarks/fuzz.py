"""Hostile files for every reader: ``python benchmarks/fuzz.py [INPUTS A READER] [--seed N] [--only NAME …]``.

Each reader gets valid files that are mutated (bits, bytes, numbers, cuts, splices), at several places at once. What it
may do is to accept, or to raise InputError in one line; everything else is a finding and is printed. Memory is limited,
so that a reader which believes a header fails instead of taking the machine along. Rows called "structured" know the
formats: values of a file are replaced, removed, doubled and renamed, and the file is sealed again
(``tests/hostile/formats.py``). With ``--coverage`` the inputs come
from atheris (libFuzzer), which keeps those that reach new code of the package; ``pip install atheris``.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import resource
import struct
import sys
import tarfile
import tempfile
import time
import traceback
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType

import numpy as np
import torch
from PIL import Image

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Samples
from seqjepa.factors.sprites import Sprites
from seqjepa.images import archives, cifar, mnist, recorded
from seqjepa.images.folder import FORMATS, load_folder
from seqjepa.images.npy import load_npy
from seqjepa.images.npz import load_npz
from seqjepa.io.files import read_rows
from seqjepa.io.untrusted import read_text
from seqjepa.recipes import change, digits
from seqjepa.report.pages import _commands
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.arrays import load_sweeps
from seqjepa.training.building import build_model
from seqjepa.training.checkpoint import checksum, read_tensors, restore_checkpoint, write_tensors
from seqjepa.training.config import config_from_yaml
from seqjepa.training.saved import describe, load_model
from seqjepa.training.views import Normalisation
from seqjepa.types.records import Records

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.hostile import formats

SHORT = b"seed: 3\nfactors: {rotation: [-90, 90]}\n"
SLOWEST, HEADROOM = 5.0, 4 << 30  # seconds; bytes of address space beyond what the process has
MOST_MEMORY = 512 << 20  # bytes by which a process may grow, for files of at most 300 kB
Seeds = list[bytes]


@dataclass
class Reader:
    """What is fuzzed: a function of a file, the file's suffix, and files that it accepts.

    ``repair`` makes a file of what is mutated, where that is a part of it: what lies behind a checksum or a container.
    """

    read: Callable[[Path], object]
    suffix: str
    seeds: Seeds
    repair: Callable[[bytes], bytes] = bytes
    lines: int = 1  # that a message may have


@dataclass
class Tally:
    """What came of a reader's inputs."""

    inputs: int = 0
    refused: int = 0
    accepted: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    peak: int = 0


def readers(folder: Path) -> dict[str, Reader]:
    """Every reader of files that others may have written."""
    idx = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 4, 4) + bytes(range(32))
    batch = b"".join(bytes([k]) + bytes(cifar.RECORD - 1) for k in range(3))
    arrays = {f"{s}_{kind}": a for s in ("train", "test") for kind, a in (("images", _pixels()), ("labels", _labels()))}
    names = {"class_names": np.array(["a", "b", "é"])}
    codes = {"values/rotation": np.ones((3, 2, 4, 2), np.float32), "grids/rotation": np.linspace(0, 270, 4)}
    codes |= {"labels": np.arange(3), "joint": np.ones((3, 2, 2)), "joint_values": np.ones((3, 2, 1))}
    config = change(digits(), model=dict(encoder="convnet", width=2, layers=1, hidden=4, action_embedding=8, heads=2))
    environment = "command: [seqjepa, train, --out, runs/a b]\nstarted: x\nseed: 0\npackages: {torch: 2.13}\n"
    diagnosis = _file(folder, ".json", _diagnosis().save)
    sweeps = _file(folder, ".safetensors", _sweeps().save)
    model, checkpoint = _model(folder, config), _checkpoint(folder)
    return {
        "IDX": Reader(lambda p: mnist.read_idx(_content(p), 3), "", [idx]),
        "IDX, gzip": Reader(lambda p: mnist.read_idx(_content(p), 3), ".gz", [idx], gzip.compress),
        "IDX, gzip itself": Reader(_content, ".gz", [gzip.compress(idx)]),
        "CIFAR batch": Reader(lambda p: cifar.read_batch(p.read_bytes(), p), ".bin", [batch]),
        "CIFAR tar": Reader(
            lambda p: cifar._members(p, cifar.cifar10_layout(), cifar.BATCHES["test"]), ".gz", [_tar(batch)]
        ),
        "CIFAR-100 batch": Reader(
            lambda p: cifar.read_batch(p.read_bytes(), p, labels=2, records=3), ".bin", [bytes(3 * (2 + cifar.PIXELS))]
        ),
        "npy images": Reader(_mapped, ".npy", [_npy(_many()), _npy(_many()[..., None]), _npy(_many()[:, None])]),
        "npy labels": Reader(lambda p: _labelled(p, folder), ".npy", [_npy(np.arange(20) % 2)]),
        "images in a folder": Reader(
            lambda p: _pictured(p, folder), ".png", [_picture(kind, mode) for kind in FORMATS for mode in ("L", "RGB")]
        ),
        "npz images": Reader(lambda p: load_npz(p, "test"), ".npz", [_npz(arrays | names), _npz(arrays, packed=True)]),
        "npz representations": Reader(load_sweeps, ".npz", [_npz(codes), _npz(codes, packed=True)]),
        "npz records": Reader(load_sweeps, ".npz", [_npz(_records()), _npz(_records(), packed=True)]),
        "dSprites": Reader(recorded.read_dsprites, ".npz", [_npz(_dsprites())]),
        "smallNORB": Reader(
            recorded.norb_matrix, ".mat", [struct.pack("<5i", recorded.NORB_NUMBERS, 1, 6, 1, 1) + bytes(24)]
        ),
        "3DIEBench latents": Reader(recorded._latents, ".npy", [_npy(np.linspace(0, 1, 7))]),
        "made records": Reader(recorded.read_made, ".npz", [_made()]),
        "config.yaml": Reader(
            config_from_yaml,
            ".yaml",
            [config.to_yaml().encode(), SHORT],
            lines=21,
        ),
        "environment.yaml": Reader(
            lambda p: _commands({"environment.yaml": read_text(p)}), ".yaml", [environment.encode()]
        ),
        "metrics.csv": Reader(read_rows, ".csv", [b"epoch,loss,rank\n1,0.5,\n2,0.25,7e3\n"]),
        "diagnosis.json": Reader(lambda p: Diagnosis.load(p).table(), ".json", [diagnosis]),
        "sweeps": Reader(Sweeps.load, ".safetensors", [sweeps]),
        "model": Reader(load_model, ".safetensors", [model]),
        "checkpoint": Reader(read_tensors, ".safetensors", [checkpoint]),
        "model, checksum right": Reader(load_model, ".safetensors", [_opened(model)], _sealed, lines=21),
        "checkpoint, checksum right": Reader(_restored, ".safetensors", [_opened(checkpoint)], _sealed),
        "sweeps, header alone": Reader(Sweeps.load, ".safetensors", [_opened(sweeps)], _sealed),
    }


def fuzz(reader: Reader, count: int, seed: int, folder: Path) -> Tally:
    """``count`` mutated files for one reader."""
    tally, rng = Tally(), random.Random(seed)
    path = folder / f"fuzzed{reader.suffix}"
    for valid in reader.seeds:  # or nothing behind the first check would be reached
        path.write_bytes(reader.repair(valid))
        reader.read(path)
    for _ in range(count):
        content = mutated(rng.choice(reader.seeds), rng)
        one(reader, reader.repair(content), path, tally)
    tracemalloc.start()
    for _ in range(min(count, 200)):  # memory of a sample, since watching it slows everything down
        tracemalloc.reset_peak()
        content = reader.repair(mutated(rng.choice(reader.seeds), rng))
        before = tracemalloc.get_traced_memory()[0]
        one(reader, content, path, tally)
        tally.peak = max(tally.peak, tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    return tally


def structured(kind: str, count: int, seed: int, folder: Path) -> Tally:
    """``count`` files of a kind in which one to three values are changed."""
    tally, rng = Tally(), random.Random(seed)
    make, write, read = formats.KINDS[kind]
    home = folder / f"structured {kind}"
    home.mkdir()
    valid, path = make(home), home / kind
    reader = Reader(read, path.suffix, [], lines=21)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        plain = valid
        for _ in range(rng.choice((1, 1, 2, 3))):
            if len(list(formats.places(plain))) > 1:
                how = rng.choice(("replace", "replace", "replace", "remove", "double", "rename"))
                plain = formats.changed(plain, rng.randrange(10**6), how, rng.choice(formats.ODD))
        if write(path, plain):
            one(reader, path.read_bytes(), path, tally)
    tally.peak = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    if tally.peak > MOST_MEMORY:
        tally.findings[f"{tally.peak >> 20} MiB"] += 1
    return tally


def one(reader: Reader, content: bytes, path: Path, tally: Tally) -> None:
    """A file, read."""
    path.write_bytes(content)
    started = time.perf_counter()
    tally.inputs += 1
    try:
        reader.read(path)
        tally.accepted += 1
    except sj.InputError as error:
        lines = len(str(error).splitlines())
        tally.refused += 1
        if lines > reader.lines or len(str(error)) > 700 * reader.lines:
            tally.findings[f"a message of {lines} lines and {len(str(error))} characters"] += 1
            print(f"finding: a message of {lines} lines: {str(error)[:300]!r}", file=sys.stderr)
    except Exception as error:  # noqa: BLE001 (the point of it)
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        if not tally.findings[key := f"{type(error).__name__} at {where}: {str(error)[:100]}"]:
            keep = Path(tempfile.gettempdir()) / f"finding-{abs(hash(key)) % 10**8}{path.suffix}"
            keep.write_bytes(content)
            print(f"finding: {key}\n  kept as {keep}", file=sys.stderr)
        tally.findings[key] += 1
    seconds = time.perf_counter() - started
    tally.slowest = max(tally.slowest, seconds)
    if seconds > SLOWEST:
        tally.findings[f"{seconds:.0f} s"] += 1


INTERESTING = [0, 1, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1]
WORDS = [b"NaN", b"1e999", b"-1", b"null", b"[]", b"{}", b'"', b"'", b"\n", b"\x00", b"9" * 30, b"9" * 5000, b"[" * 50]
WORDS += [b"\\ud800", b"\xff\xfe", "é\u202e".encode(), b"!!python/object/apply:os.system ['exit 3']", b"&a [*a]", b": "]
WORDS += [b"2001-99-99", b"0x", b"true", b"- ", b"../../x", b"OBJECT", b"|O", b"<U9999", b"inf", b",,,", b"<<: *a"]


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The bytes, changed in one to four ways."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(8):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1 if data:
                data[at % len(data)] = rng.randrange(256)
            case 2:
                del data[at:]
            case 3:
                del data[at : at + rng.choice((1, 2, 8, 64))]
            case 4:
                data[at:at] = rng.choice(WORDS)
            case 5:
                word = rng.choice(WORDS)
                data[at : at + len(word)] = word
            case 6:
                size = rng.choice("BHIQ")
                number = rng.choice(INTERESTING) % 2 ** (8 * struct.calcsize(size))
                data[at : at + struct.calcsize(size)] = struct.pack(rng.choice("<>") + size, number)
            case 7 if data:
                start = rng.randrange(len(data))
                data[at:at] = data[start : start + rng.choice((1, 4, 16, 256))]
    return bytes(data)


def covered(reader: Reader, count: int, seed: int, folder: Path, name: str) -> None:
    """The same reader under atheris, which ends the process."""
    import atheris

    tally, path = Tally(), folder / f"fuzzed{reader.suffix}"
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, content in enumerate(reader.seeds):
        (corpus / str(number)).write_bytes(content)

    def test(data: bytes) -> None:
        one(reader, reader.repair(data), path, tally)
        if tally.inputs == count:
            print(row(name, tally), flush=True)

    for place, module in list(sys.modules.items()):
        if place.startswith(("seqjepa.", "yaml.", "zipfile", "tarfile", "numpy.lib.")):
            owners = [module, *(k for k in vars(module).values() if isinstance(k, type) and k.__module__ == place)]
            for function in [f for owner in owners for f in vars(owner).values()]:
                if isinstance(function, FunctionType) and function.__module__ == place:
                    atheris.instrument_func(function)
    arguments = [sys.argv[0], str(corpus), f"-runs={count}", f"-seed={seed + 1}", "-max_len=20000", "-verbosity=0"]
    atheris.Setup(arguments, test)
    atheris.Fuzz()


def row(name: str, tally: Tally) -> str:
    findings = sum(tally.findings.values())
    cells = (name, tally.inputs, tally.refused, tally.accepted, findings, f"{1000 * tally.slowest:.0f}")
    return "| " + " | ".join(str(cell) for cell in (*cells, f"{tally.peak / 2**20:.1f}")) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="?", type=int, default=7000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--coverage", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    total = findings = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = {n: r for n, r in readers(folder).items() if not options.only or n in options.only}
        _limit_memory()
        head = ("reader", "inputs", "refused", "accepted", "findings", "slowest, ms", "peak, MiB")
        print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
        for name, reader in chosen.items():
            if options.coverage:
                covered(reader, options.inputs, options.seed, folder, name)
            tally = fuzz(reader, options.inputs, options.seed, folder)
            print(row(name, tally), flush=True)
            total, findings = total + tally.inputs, findings + sum(tally.findings.values())
        for kind in formats.KINDS:
            if (name := f"{kind}, structured") in options.only or not (options.only or options.coverage):
                tally = structured(kind, options.inputs, options.seed, folder)
                print(row(name, tally), flush=True)
                total, findings = total + tally.inputs, findings + sum(tally.findings.values())
    print(f"{total} inputs, {findings} findings")
    return int(findings > 0)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + HEADROOM,) * 2)


def _pixels() -> np.ndarray:
    return np.arange(3 * 5 * 4, dtype=np.uint8).reshape(3, 5, 4)


def _many() -> np.ndarray:
    return np.arange(20 * 5 * 4, dtype=np.uint16).astype(np.uint8).reshape(20, 5, 4)


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _picture(kind: str, mode: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(5, 4, 3)).convert(mode).save(file, kind)
    return file.getvalue()


def _mapped(path: Path) -> None:
    """All of an array, through its mapping."""
    images = load_npy(path, "train")
    images[slice(None)]


def _labelled(path: Path, folder: Path) -> None:
    """An array with these labels beside it."""
    (folder / "those.npy").write_bytes(_npy(_many()))
    (folder / "those_labels.npy").write_bytes(path.read_bytes())
    load_npy(folder / "those.npy", "train")


def _pictured(path: Path, folder: Path) -> None:
    """A folder of two classes, one of which has this picture."""
    for name in ("a", "b"):
        for number in range(2):
            file = folder / "classes" / name / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(path.read_bytes() if (name, number) == ("b", 1) else _picture("PNG", "L"))
    load_folder(folder / "classes", "train")


def _labels() -> np.ndarray:
    return np.array([0, 2, 1])


def _npz(arrays: dict[str, np.ndarray], packed: bool = False) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)  # pyright: ignore[reportArgumentType]
    return file.getvalue()


def _records() -> dict[str, np.ndarray]:
    who = np.arange(24) // 4
    values = {"values/hue": np.arange(24.0) * 15, "values/turn": np.tile([1.0, 0, 0, 0], (24, 1))}
    told = {"rotation/turn": np.array(1), "period/hue": np.array(360.0), "labels": who % 2}
    return (
        {"codes": np.stack([who, np.arange(24) % 4, who**2], 1).astype(np.float32), "identities": who} | values | told
    )


def _dsprites() -> dict[str, np.ndarray]:
    each = np.meshgrid([0], range(3), range(2), range(3), range(2), range(2), indexing="ij")
    classes = np.stack(each, -1).reshape(-1, 6)
    values = classes * np.array([1, 1, 0.1, 2.0, 1, 1]) + np.array([1, 1, 0.5, 0, 0, 0])
    return {"imgs": np.zeros((72, 4, 4), np.uint8), "latents_values": values, "latents_classes": classes}


def _made() -> bytes:
    who = torch.arange(12) // 2
    pixels, values = torch.zeros(12, 1, 4, 4, dtype=torch.uint8), torch.rand(12, 4, dtype=torch.float64)
    return Records(pixels, who, values, Sprites().factors, who % 3, ("a", "b", "c")).packed()


def _content(path: Path) -> bytearray:
    """Of an IDX file, gunzipped where its name says so, unverified."""
    known = mnist.mnist_files()["train-images-idx3-ubyte"]
    with path.open("rb") as stream:
        pieces = archives._unpacked if path.suffix == ".gz" else archives._pieces
        return bytearray().join(pieces(stream, path, known))


def _tar(batch: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo(f"{cifar.FOLDER}/test_batch.bin")
        info.size = len(batch)
        archive.addfile(info, io.BytesIO(batch))
    return file.getvalue()


def _file(folder: Path, suffix: str, save: Callable[[Path], object]) -> bytes:
    path = folder / f"seed{suffix}"
    save(path)
    return path.read_bytes()


def _diagnosis() -> Diagnosis:
    ratio = Samples((0.5, 0.25, 0.5), (1.0, 1.0, 2.0))
    spectrum = {"k": 2, "fitted": [0.5, 0.4], "held_out": [0.5, 0.4], "null_share": 0.1}
    estimates = {
        "explained_variance": {"rotation": Estimate(0.9, (0.8, 0.95), 0.1, "isotropic noise", details=spectrum)},
        "overlap": {
            ("rotation", "x"): Estimate(0.1, samples=ratio, details={"angles_deg": [71.6, 80.0]}),
            ("x", "rotation"): Estimate(None, reason="too few"),
        },
        "leakage": {("class", "z", "linear"): Estimate(0.7, (0.6, 0.8), 0.1)},
        "variance_shares": {("rotation", "factor"): Estimate(0.5)},
    }
    return Diagnosis(estimates, {"identities": 8, "dim": 2}, {"pca": Diagnosis(estimates, {})})


def _sweeps() -> Sweeps:
    factor = sj.affine_factors(rotation=(-90, 90))
    return Sweeps.from_function(lambda who, pose: pose[:, :2], factor, 3, steps=4, base_poses=1, joint=2)


def _model(folder: Path, config: sj.Config) -> bytes:
    normalise = Normalisation((0.1,), (0.3,))
    model = build_model(config, 1, (8, 8), normalise)
    weights = {k: v for k, v in model.state_dict().items() if not k.startswith("teacher.")}
    metadata = describe(config, normalise, (1, 8, 8))
    return _file(folder, ".safetensors", lambda path: write_tensors(path, weights, metadata))


def _net() -> tuple[dict, dict]:
    net = torch.nn.Linear(3, 2)
    return {"model": net}, {"optimiser": torch.optim.Adam(net.parameters())}


def _checkpoint(folder: Path) -> bytes:
    modules, optimisers = _net()
    modules["model"](torch.ones(1, 3)).sum().backward()
    optimisers["optimiser"].step()
    tensors = {f"model.{k}": v for k, v in modules["model"].state_dict().items()}
    for index, state in optimisers["optimiser"].state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{key}": torch.as_tensor(value) for key, value in state.items()}
    return _file(folder, ".safetensors", lambda p: write_tensors(p, tensors, {"rows": [{"epoch": 1, "loss": 0.5}]}))


def _restored(path: Path) -> None:
    restore_checkpoint(path, *_net())


def _opened(content: bytes) -> bytes:
    """What a safetensors file says of itself, as JSON: its metadata, and the type and shape of each tensor."""
    from safetensors.torch import load

    header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
    ((key, text),) = header["__metadata__"].items()
    tensors = {name: [str(t.dtype).removeprefix("torch."), list(t.shape)] for name, t in load(content).items()}
    return json.dumps({"key": key, "metadata": json.loads(text), "tensors": tensors}).encode()


def _sealed(mutated: bytes) -> bytes:
    """The safetensors file that says so, its checksum right; its tensors are ones."""
    from safetensors.torch import save

    text, tensors, key = mutated.decode(errors="replace"), {}, "seqjepa"
    try:
        told = json.loads(text)
        key, metadata = str(told["key"]), told["metadata"]
        for name, (dtype, shape) in told["tensors"].items():
            small = [min(max(int(size), 0), 64) for size in shape]
            tensors[name] = torch.ones(small, dtype=getattr(torch, dtype))
        if key == "seqjepa" and isinstance(metadata, dict):
            metadata.pop("checksum", None)
            metadata |= {"checksum": checksum(tensors, metadata)}
        return save(tensors, {key: json.dumps(metadata)})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RuntimeError, OverflowError):
        return save({}, {key.encode(errors="replace").decode(): text})


if __name__ == "__main__":
    sys.exit(main())
