"""Peak memory of training on and diagnosing a mapped file: ``python benchmarks/memory_mapped.py [FOLDER]``.

Writes arrays of 20,000 and of 200,000 images into FOLDER (by default a temporary one; 0.9 GB), trains one epoch on all
images of each, then diagnoses what came of it beside principal components of all its pixels: each in a process of its
own. The peak is the system's own (VmHWM: all pages of the process, those of the mapped file included). As a control the
same images are read from an .npz archive, which holds them in memory.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

COUNTS = (20_000, 200_000)
SHAPES = {"28 × 28": (28, 28), "3 × 32 × 32": (3, 32, 32)}
CHUNK = 10_000


def main(folder: Path) -> None:
    table = Table("images", "file", "source", "peak, training", "peak, diagnosing", "seconds")
    for name, shape in SHAPES.items():
        for count in COUNTS:
            file = folder / f"{'x'.join(map(str, shape))}-{count}.npy"
            write(file, count, shape)
            sources = [f"npy:{file}"]
            if shape == (28, 28):
                sources.append(f"npz:{as_archive(file)}")
            for source in sources:
                child = [
                    sys.executable,
                    __file__,
                    "--child",
                    source,
                    str(folder / f"run-{len(list(folder.iterdir()))}"),
                ]
                found = json.loads(
                    subprocess.run(child, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
                )
                size = file.stat().st_size / 2**20
                peaks = (f"{found['training']:.0f} MiB", f"{found['diagnosing']:.0f} MiB")
                table.add_row(f"{count:,} of {name}", f"{size:.0f} MiB", source[:3], *peaks, f"{found['seconds']:.0f}")
    Console().print(table)


def write(file: Path, count: int, shape: tuple[int, ...]) -> None:
    """Random blobs of ten kinds, a chunk at a time."""
    random = np.random.default_rng(0)
    array = np.lib.format.open_memmap(file, "w+", np.uint8, (count, *shape))
    labels = random.integers(0, 10, count)
    patterns = random.integers(0, 256, (10, *shape)) // 2
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        array[part] = patterns[labels[part]] + random.integers(0, 128, (len(labels[part]), *shape))
    array.flush()
    np.save(file.with_name(f"{file.stem}_labels.npy"), labels)


def as_archive(file: Path) -> Path:
    """The same images with the same tenth held out."""
    images, labels = np.load(file), np.load(file.with_name(f"{file.stem}_labels.npy"))
    first = len(images) - len(images) // 10
    archive = file.with_suffix(".npz")
    arrays = dict(train_images=images[:first], train_labels=labels[:first])
    np.savez(archive, **arrays, test_images=images[first:], test_labels=labels[first:])
    return archive


def child(source: str, folder: Path) -> None:
    import seqjepa as sj
    from seqjepa.recipes import change, digits

    started = time.perf_counter()
    config = change(
        digits(),
        epochs=1,
        batch_size=500,
        images=dict(source=source, train=None, test=2_000),
        factors=dict(views=2, rotation=None, scale=None, translate_x=(-3, 3), translate_y=(-3, 3)),
        model=dict(encoder="convnet", width=4, layers=1, hidden=32, action_embedding=16),
    )
    sj.train(config, folder)
    training = peak()
    images = {split: sj.load_images(source, split) for split in ("train", "test")}
    factors = config.factors.factors()
    how = dict(identities=64, steps=9, base_poses=2, probe_images=images["train"], probe_count=2_000, progress=False)
    swept = [
        sj.represent(encoder, images["test"], factors, **how)
        for encoder in (sj.load_encoder(folder), sj.PixelPCA.fit(images["train"], 32))
    ]
    sj.diagnose(swept[0], {"pca": swept[1]}, progress=False)
    print(json.dumps(dict(training=training, diagnosing=peak(), seconds=time.perf_counter() - started)))


def peak() -> float:
    """The process's largest size so far, MiB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]))
    elif len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as place:
            main(Path(place))
