"""Files that were made to do harm: refused in one line, without running anything, waiting, or taking memory."""

import os
import struct
import subprocess
import sys
import threading
import tracemalloc
import zipfile

import numpy as np
import pytest
import yaml

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis
from seqjepa.images import cifar, mnist
from seqjepa.io.files import read_rows
from seqjepa.io.untrusted import MAX_YAML, parse_json, read_npz, read_text, read_yaml
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.arrays import load_sweeps
from seqjepa.training.checkpoint import read_tensors, write_tensors
from seqjepa.training.config import config_from_yaml

READERS = {
    "config": config_from_yaml,
    "checkpoint": read_tensors,
    "model": sj.load_model,
    "sweeps": Sweeps.load,
    "codes": load_sweeps,
    "diagnosis": Diagnosis.load,
    "metrics": read_rows,
    "images": lambda path: sj.load_images(f"npz:{path}"),
}


@pytest.fixture(params=READERS)
def reader(request):
    return READERS[request.param]


def refused(read, path, *words):
    """The one line with which a file is refused, within the memory of its size and in a second or two."""
    tracemalloc.start()
    try:
        with pytest.raises(sj.InputError) as caught:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert all(word in message for word in words), message
    size = os.path.getsize(path) if os.path.isfile(path) else 0
    assert peak < 2 * size + (4 << 20), f"{peak} bytes for a file of {size}"
    return message


@pytest.mark.parametrize("kind", ["pipe", "zero", "full", "folder", "loop", "missing", "nul"])
def test_what_is_no_file_is_refused_at_once(reader, tmp_path, kind):
    path = tmp_path / f"it.{'npz' if reader is load_sweeps else 'safetensors'}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind in ("zero", "full"):
        path.symlink_to(f"/dev/{kind}")
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "nul":
        path = tmp_path / "a\0b"
    done = threading.Thread(target=refused, args=(reader, path), daemon=True)
    done.start()
    done.join(20)
    assert not done.is_alive(), "it waits"
    refused(reader, path)


@pytest.mark.parametrize("content", [b"", b"\0" * 1000, b"\xff" * 1000, b"PK\x03\x04", b"\x80\x04\x95\x0b\x00." * 9])
def test_what_is_not_of_its_kind_is_refused(reader, tmp_path, content):
    path = tmp_path / "it.npz"
    path.write_bytes(content)
    if reader is read_rows and content.isascii() and b"\n" not in content:
        pytest.skip("a table of a heading alone")
    refused(reader, path)


EXPLOITS = [
    "!!python/object/apply:os.system ['touch {}']",
    "!!python/object/new:subprocess.Popen [['touch', '{}']]",
    "name: !!python/name:os.system",
    "name: !!str run",
    "name: !custom 3",
]


@pytest.mark.parametrize("text", EXPLOITS)
def test_yaml_runs_nothing(tmp_path, text):
    path, touched = tmp_path / "config.yaml", tmp_path / "touched"
    path.write_text(text.format(touched))
    refused(config_from_yaml, path, "the tag")
    assert not touched.exists()


def test_a_pickle_dressed_as_a_file_of_ours_runs_nothing(reader, tmp_path):
    touched = tmp_path / "touched"
    pickled = b"cos\nsystem\n(S'touch %s'\ntR." % str(touched).encode()
    for name in ("it.npz", "it.safetensors"):
        path = tmp_path / name
        path.write_bytes(pickled)
        refused(reader, path)
        with zipfile.ZipFile(path, "w") as archive:  # as torch.save writes it, and as an array of objects
            archive.writestr("archive/data.pkl", pickled)
            archive.writestr("test_images.npy", _header((), "|O") + pickled)
            archive.writestr("values/x.npy", _header((), "|O") + pickled)
        refused(reader, path)
    assert not touched.exists()


def test_pickled_weights_are_refused_by_their_name(tmp_path):
    with pytest.raises(sj.InputError, match="pickled files are not opened"):
        sj.open_encoder(tmp_path / "model.pt")


def test_aliases_that_grow_without_bound_are_not_followed(tmp_path):
    path = tmp_path / "config.yaml"
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))]
    path.write_text("\n".join(lines))
    refused(config_from_yaml, path, "aliases are not read")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed: 1\nseed: 2", "'seed' stands there twice"),
        ("name: 2001-99-99", "not a readable YAML"),
        ("seed: " + "9" * 5000, "not a readable YAML"),
        ('name: "\\ud800"', "not a readable YAML"),
        ("[" * 5000, "nested too deeply"),
        ("? {a: 1}\n: 2", "not a readable YAML"),
        ("\0", "not a readable YAML"),
        ("- 1", "a configuration is a mapping"),
        ("name: " + "x" * MAX_YAML, "longer than"),
        ("seed: .inf", "seed: "),
        ("model: {width: 99999999999}", "model.width: "),
        ("é\u202e: 1", "unknown field"),
    ],
)
def test_configurations_that_are_none(tmp_path, text, says):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(sj.InputError) as caught:
        config_from_yaml(path)
    assert says in str(caught.value)
    assert all(len(line) < 1000 for line in str(caught.value).splitlines())


def test_mistakes_beyond_number_are_not_all_told(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({f"field{i}": "x" * 500 for i in range(1000)}))
    with pytest.raises(sj.InputError, match="and 980 more mistakes"):
        config_from_yaml(path)


@pytest.mark.parametrize(
    "text", ["NaN", "[1, -Infinity]", "1e999", '{"a": 1, "a": 2}', "[" * 100_000, '"\\ud800"', "9" * 5000, "\0"]
)
def test_json_that_is_none(tmp_path, text):
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)
    path = tmp_path / "diagnosis.json"
    path.write_text(text)
    refused(Diagnosis.load, path, "not a readable diagnosis")


def test_json_that_is_one():
    assert parse_json('{"a": [1, 0.5, "\\ud83d\\ude00", null]}') == {"a": [1, 0.5, "😀", None]}


def _header(shape, dtype):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (64 - (10 + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (_header((2**40, 28, 28), "|u1"), "is not what"),
        (_header((2**62, 2**62), "|u1"), "is not what"),
        (_header((-1, 28), "|u1"), "is not what"),
        (_header((1,), "<U99999999"), "is not what"),
        (_header((1,), "|O"), "array of objects"),
        (_header((10,), "|u1").replace(b"10", b"1_"), "not a readable"),
        (b"\x93NUMPY\x03\x00" + _header((), "|u1")[8:], "version 3.0"),
    ],
)
def test_headers_that_promise_what_is_not_there(tmp_path, header, says):
    path = tmp_path / "images.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("test_images", "test_labels", "values/x", "grids/x"):
            archive.writestr(f"{name}.npy", header + bytes(8))
    refused(READERS["images"], path, says)
    refused(load_sweeps, path, says)


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("test_images.npy", "w") as member:
        member.write(_header((300, 1024, 1024), "|u1"))
        for _ in range(300):
            member.write(bytes(1 << 20))
    refused(READERS["images"], path, "times as many")


def test_names_in_an_archive_lead_nowhere(tmp_path):
    path = tmp_path / "archive.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../outside", "/outside", "values/../../x"):
            archive.writestr(f"{name}.npy", _header((8,), "|u1") + bytes(8))
    arrays, names = read_npz(path)
    assert set(arrays) == set(names) == {"../outside", "/outside", "values/../../x"}
    assert [p.name for p in tmp_path.rglob("*")] == ["archive.npz"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(tmp_path):
    path = tmp_path / "archive.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for value in (0, 1):
            archive.writestr("test_images.npy", _header((8,), "|u1") + bytes([value] * 8))
    refused(READERS["images"], path, "two arrays of one name")


@pytest.mark.parametrize("label", [2**40, 2**62])
def test_a_label_does_not_name_as_many_classes(tmp_path, label):
    path = tmp_path / "images.npz"
    np.savez(path, test_images=np.zeros((2, 4, 4), np.uint8), test_labels=np.array([0, label]))
    refused(READERS["images"], path, f"a label {label}")


@pytest.mark.parametrize("shape", [(2**31, 2**31, 2**31), (2**32 - 1,) * 3, (0, 2**32 - 1, 5), (2**20, 2**20, 1)])
def test_an_idx_header_does_not_allocate(tmp_path, shape):
    path = tmp_path / "images"
    path.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", *shape) + bytes(100))
    refused(lambda p: mnist.read_idx(p.read_bytes(), 3), path, "IDX file of shape")


def test_links_in_an_archive_of_cifar_lead_nowhere(tmp_path):
    import tarfile

    path = tmp_path / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for link in ("test_batch.bin", "/etc/passwd", "../../secret"):
            info = tarfile.TarInfo(f"{cifar.FOLDER}/test_batch.bin")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    refused(lambda p: cifar._members(p, cifar.cifar10_layout(), ["test_batch.bin"]), path, "is a link")


METADATA = {"mean": [0.1], "std": [0.3], "image_shape": [1, 8, 8], "config": {"factors": {"rotation": [-9, 9]}}}


@pytest.mark.parametrize(
    "change",
    [
        {"image_shape": [1, 2**40, 2**40]},
        {"image_shape": "abc"},
        {"image_shape": [1, 0, 8]},
        {"mean": None},
        {"mean": [float("nan")]},
        {"std": [0]},
        {"config": []},
        {"config": METADATA["config"] | {"model": {"width": 2**20, "action_embedding": 2**20}}},
        {"config": METADATA["config"] | {"model": {"hidden": 2**20, "layers": 1000}}},
    ],
)
def test_a_model_that_claims_what_its_weights_are_not_takes_no_memory(tmp_path, change):
    import torch

    path = tmp_path / "model.safetensors"
    write_tensors(path, {"encoder.x": torch.zeros(3)}, METADATA | change)
    command = "import sys, resource, seqjepa as sj\n"
    command += "from seqjepa.training import load_model\n"
    command += "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
    command += "try: load_model(sys.argv[1])\n"
    command += "except sj.InputError as e: print(str(e).count(chr(10)))\n"
    command += "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    done = subprocess.run(
        [sys.executable, "-c", command, path], capture_output=True, text=True, timeout=100, check=True
    )
    lines, grown = map(int, done.stdout.split())
    assert lines == 0
    assert grown < 200  # MiB; a model of 2**20 wide would want terabytes


def test_a_model_that_names_code_runs_nothing_unasked(tmp_path, monkeypatch):
    import torch

    (tmp_path / "evil.py").write_text("import pathlib\npathlib.Path('touched').touch()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    config = METADATA["config"] | {"model": {"encoder": "evil:make"}}
    write_tensors(tmp_path / "model.safetensors", {"encoder.x": torch.zeros(3)}, METADATA | {"config": config})
    for load in (sj.load_model, sj.load_encoder, sj.open_encoder):
        refused(load, tmp_path / "model.safetensors", "evil:make", "--trust")
    assert not (tmp_path / "touched").exists()


def test_text_that_is_none(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"caf\xe9")
    refused(read_text, path, "not a text in UTF-8")
    path.write_text("a: 1")
    assert read_yaml(path) == {"a": 1}


@pytest.mark.parametrize("name", ["é😀\u202e", "a" * 200, "\x1b[31mred", "-rf", "$(touch x)", "a b;c"])
def test_names_of_files_are_told_in_one_plain_line(tmp_path, name, capsys):
    from seqjepa.cli.app import main

    path = tmp_path / name
    path.write_text("{")
    assert main(["train", "--config", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("seqjepa: ")
    assert line.isprintable()
