"""``seqjepa images``: parse, call, print."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

EXAMPLES = """examples:
  seqjepa images list                        the sources, and which are on this machine
  seqjepa images fetch mnist fashion_mnist   download what is missing (for a machine without a network, say)
  seqjepa images make objects3d              eleven families of objects in space, rendered; needs seqjepa[objects]
  seqjepa images verify cifar10              its checksum and content; exit code 1 when something is wrong

images of your own, wherever a source is named (--images.source of train, --images of diagnose):
  npz:PATH     an archive with train_images, train_labels, test_images, test_labels
  npy:PATH     an array of uint8, larger than memory if need be; labels in PATH's neighbour *_labels.npy;
               held out: its neighbour *_test.npy, else the last tenth
  folder:PATH  a folder of images for each class, all of one size; held out: PATH/test beside PATH/train,
               else every fifth image
"""
OWN = {"npz:PATH": "an archive", "npy:PATH": "an array, mapped", "folder:PATH": "image files"}


def add_images_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa images`` takes."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    parser.add_argument("action", choices=("list", "fetch", "verify", "make"), help="what to do")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="image sources (default of list: all that can be downloaded)"
    )
    parser.add_argument("--identities", type=int, default=550, help="of make (default: 550)")
    parser.add_argument("--views", type=int, default=50, help="of each identity that is made (default: 50)")
    parser.add_argument("--seed", type=int, default=0, help="of make: another one gives others (default: 0)")
    parser.add_argument(
        "--root", type=Path, help="where they lie (default: SEQJEPA_DATA, else ./data, else the user's cache)"
    )


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """List, fetch or verify."""
    from seqjepa.images.sources import fetch_images, verify_images
    from seqjepa.types import InputError

    root = options.root.expanduser() if options.root else None
    if options.action == "make":
        return _make(options, root)
    if options.action == "list":
        return _list(options.names, root)
    if not options.names:
        raise InputError(f"images {options.action}: name at least one source; see 'seqjepa images list'")
    code = 0
    for name in _known(options.names):
        try:
            found = fetch_images(name, root) if options.action == "fetch" else verify_images(name, root)
        except InputError as error:
            print(f"seqjepa: {error}", file=sys.stderr)
            code = 1
        else:
            print(f"{name}: verified, in {found[0].parent}")
    return code


def _make(options: argparse.Namespace, root: Path | None) -> int:
    from seqjepa.images.archives import base_folders
    from seqjepa.types import InputError
    from seqjepa.workflows.making import MADE, content_hash, make_records

    if not options.names:
        raise InputError(f"images make: name one of {', '.join(MADE)}")
    for name in options.names:
        file = base_folders(root)[0] / f"{name}-{options.identities}x{options.views}-seed-{options.seed}.npz"
        how = dict(identities=options.identities, views=options.views, seed=options.seed)
        made = make_records(name, file, **how, progress=sys.stderr.isatty())
        print(f"{name}: {len(made):,} images, sha256 {content_hash(made)}, in {file}")
        print(f"read it with sj.load_records('made:{file}')")
    return 0


def _known(names: list[str]) -> list[str]:
    from seqjepa.images.recorded import RECORDED
    from seqjepa.images.sources import DOWNLOADS
    from seqjepa.types import InputError
    from seqjepa.workflows.making import MADE

    for name in names:
        if name in MADE:
            raise InputError(f"images {name!r} is made, not downloaded: seqjepa images make {name}")
        if name in RECORDED:
            where = (
                f"get it from {RECORDED[name].where}" if name != "made" else "make one: seqjepa images make objects3d"
            )
            raise InputError(f"images {name!r} is recorded: {where}; then sj.load_records('{name}:PATH')")
        if name not in DOWNLOADS:
            raise InputError(f"images {name!r} is not one of {', '.join(DOWNLOADS)}, which are downloaded")
    return names


def _list(names: list[str], root: Path | None) -> int:
    from seqjepa.images.sources import DOWNLOADS

    rows = [("name", "images", "size", "classes", "state", "where")]
    if not names:
        rows.append(("digits", "1,797", "28 × 28 grey", "10", "there", "comes with scikit-learn"))
    for name in _known(names) or DOWNLOADS:
        source = DOWNLOADS[name]
        rows.append((name, f"{source.images:,}", source.size, str(source.classes), *_state(name, root)))
    if not names:
        from seqjepa.images.recorded import RECORDED

        for kind, source in RECORDED.items():
            rows.append((f"{kind}:PATH", f"{source.images:,}", source.size, "", "recorded", source.where))
        rows += [(name, "", what, "", "yours", "") for name, what in OWN.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _state(name: str, root: Path | None) -> tuple[str, str]:
    """Whether all files are there with the right checksums, and where."""
    from seqjepa.images.archives import find, verify
    from seqjepa.images.sources import DOWNLOADS
    from seqjepa.types import InputError

    files = DOWNLOADS[name].files()
    paths = [find(file, root) for file in files]
    there = [(path, file) for path, file in zip(paths, files, strict=True) if path]
    if not there:
        return "missing", ""
    try:
        for path, file in there:
            verify(path, file)
    except InputError:
        return "damaged", str(there[0][0].parent)
    state = "verified" if len(there) == len(files) else f"{len(there)} of {len(files)} files"
    return state, str(there[0][0].parent)
