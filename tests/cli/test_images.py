"""``seqjepa images``: what it prints, and its exit codes."""

import pytest
import requests

from seqjepa.cli import app as cli
from tests import servers, stand_ins


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQJEPA_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()

    def offline(*_, **__):
        raise requests.ConnectionError("no network in tests")

    monkeypatch.setattr(requests, "get", offline)


RECORDED = ("dsprites:PATH", "smallnorb:PATH", "3diebench:PATH", "made:PATH")


def states(capsys, *more):
    assert cli.main(["images", "list", *more]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    at = heading.index("state")
    return {line.split()[0]: line[at:].strip() for line in lines}


def test_list_says_what_is_there_and_what_is_wrong_with_it(tmp_path, monkeypatch, capsys):
    before = states(capsys)
    assert set(before) == {"digits", *stand_ins.DOWNLOADED, "npz:PATH", "npy:PATH", "folder:PATH", *RECORDED}
    assert all(before[name] == "missing" for name in stand_ins.DOWNLOADED)
    root = tmp_path / "data"
    for name in ("mnist", "kmnist", "cifar10", "cifar100"):
        stand_ins.place(name, root, monkeypatch)
    (root / "KMNIST/raw/train-labels-idx1-ubyte.gz").unlink()
    (root / "cifar-100-binary.tar.gz").write_bytes(b"something else")
    found = {name: words.split("  ")[0] for name, words in states(capsys).items()}
    assert found["mnist"] == found["cifar10"] == "verified"
    assert found["kmnist"] == "3 of 4 files"
    assert found["cifar100"] == "damaged"
    assert found["fashion_mnist"] == "missing"
    assert str(root / "MNIST/raw") in states(capsys, "mnist")["mnist"]


def test_verify_is_0_when_all_is_well_and_1_with_a_line_when_not(tmp_path, monkeypatch, capsys):
    root = tmp_path / "data"
    stand_ins.place("mnist", root, monkeypatch)
    stand_ins.place("cifar10", root, monkeypatch)
    assert cli.main(["images", "verify", "mnist", "cifar10"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"mnist: verified, in {root / 'MNIST/raw'}"
    path = root / "cifar-10-binary.tar.gz"
    path.write_bytes(path.read_bytes()[:-1])
    assert cli.main(["images", "verify", "cifar10", "mnist"]) == 1
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert f"{path}: has md5" in printed.err
    assert "mnist: verified" in printed.out  # one that is wrong does not hide the others


def test_verify_fetches_nothing(tmp_path, capsys):
    assert cli.main(["images", "verify", "fashion_mnist"]) == 1
    error = capsys.readouterr().err
    assert "train-images-idx3-ubyte.gz is missing; fetch it with 'seqjepa images fetch fashion_mnist'" in error
    assert not list((tmp_path / "data").iterdir())


def test_verify_looks_at_what_the_files_hold(tmp_path, monkeypatch, capsys):
    """A right checksum of a wrong content is possible only here, but then the content must speak."""
    monkeypatch.setattr(stand_ins, "some", lambda count, *shape, **_: wrong(count, *shape))
    stand_ins.place("mnist", tmp_path / "data", monkeypatch)
    assert cli.main(["images", "verify", "mnist"]) == 1
    assert "labels run from 0 to 12" in capsys.readouterr().err


def wrong(count, *shape):
    import torch

    return torch.zeros(count, *shape, dtype=torch.uint8), torch.arange(count) % 13


def test_fetch_downloads_once(tmp_path, monkeypatch, capsys):
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    from seqjepa.images import mnist

    _, files = stand_ins.published("fashion_mnist", monkeypatch)
    (tmp_path / "mirror").mkdir()
    for name, content in files.items():
        (tmp_path / "mirror" / name).write_bytes(content)
    root = ["--root", str(tmp_path / "root")]
    with servers.served(tmp_path / "mirror") as address:
        monkeypatch.setattr(mnist, "FASHION_MIRRORS", (address,))
        assert cli.main(["images", "fetch", "fashion_mnist", *root]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"fashion_mnist: verified, in {tmp_path / 'root/FashionMNIST/raw'}\n"
    assert printed.err == ""
    assert cli.main(["images", "fetch", "fashion_mnist", *root]) == 0  # the server is gone


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("images", "required: action"),
        ("images look", "invalid choice: 'look'"),
        ("images fetch", "name at least one source"),
        ("images fetch mnits", "images 'mnits' is not one of mnist, fashion_mnist"),
        ("images verify digits", "images 'digits' is not one of mnist"),
        ("images list digits", "images 'digits' is not one of mnist"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, says, capsys):
    assert cli.main(arguments.split()) == 2
    error = capsys.readouterr().err
    assert says in error
    assert len(error.splitlines()) == 1


def test_a_failed_fetch_is_one_line_and_exit_code_1(capsys):
    assert cli.main(["images", "fetch", "cifar100"]) == 1
    error = capsys.readouterr().err
    assert "Download it by hand from https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("objects3d", "is made, not downloaded: seqjepa images make objects3d"),
        ("dsprites", "is recorded: get it from https://"),
        ("made", "is recorded: make one: seqjepa images make objects3d"),
    ],
)
def test_what_is_made_or_recorded_says_how_to_get_it(capsys, name, says):
    assert cli.main(["images", "fetch", name]) == 2
    assert says in capsys.readouterr().err
