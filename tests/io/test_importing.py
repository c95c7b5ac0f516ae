"""The user's own code by name: beside the user, in a file, and what is said when it cannot be had."""

import sys
from pathlib import Path

import pytest

from seqjepa.io.importing import call_imported, import_object, whole_name
from seqjepa.types import InputError

OWN = """
import dataclasses
import beside

@dataclasses.dataclass
class Net:
    width: int = beside.WIDTH

def make(width):
    return Net(width)

_hidden = 1
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_code.py").write_text(OWN)
    (tmp_path / "beside.py").write_text("WIDTH = 7")
    for module in ("own_code", "beside"):
        monkeypatch.delitem(sys.modules, module, raising=False)


@pytest.mark.parametrize("name", ["own_code:Net", "./own_code.py:Net", "own_code.py:Net"])
def test_a_module_and_a_file_beside_the_user(name):
    before = list(sys.path)
    assert import_object(name)().width == 7
    assert sys.path == before


def test_a_file_elsewhere_may_import_its_neighbours(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert import_object(f"{tmp_path}/own_code.py:make")(3).width == 3
    assert import_object("../own_code.py:make")(3).width == 3


def test_a_file_takes_no_other_modules_place(tmp_path):
    (tmp_path / "json.py").write_text("mine = 1")
    assert import_object("./json.py:mine") == 1
    import json

    assert hasattr(json, "loads")


def test_an_edited_file_is_read_anew(tmp_path):
    (tmp_path / "edited.py").write_text("value = 1")
    assert import_object("./edited.py:value") == 1
    (tmp_path / "edited.py").write_text("value = 22")
    assert import_object("./edited.py:value") == 22


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("own_code", "give a module or a file and a name in it: pkg.mod:name or ./file.py:name"),
        ("own_code:", "give a module or a file"),
        ("nowhere:net", "No module named 'nowhere', neither in the current folder nor installed"),
        ("own_code.sub:net", "No module named 'own_code.sub'"),
        ("./nowhere.py:net", "no file nowhere.py"),
        ("own_code:net", "module 'own_code' has no attribute 'net'; it has Net, make"),
        ("./own_code.py:net", "has no attribute 'net'; it has Net, make"),
        ("./text.txt:net", "text.txt is not a Python file"),
    ],
)
def test_what_is_not_there_is_named(name, says, tmp_path):
    (tmp_path / "text.txt").write_text("")
    with pytest.raises(InputError) as caught:
        import_object(name, "term")
    assert str(caught.value).startswith(f"term {name!r}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def :", "SyntaxError: invalid syntax"),
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("from json import nothing", "ImportError: cannot import name 'nothing' from 'json'"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("assert False", "AssertionError"),
    ],
)
@pytest.mark.parametrize("name", ["failing_code:net", "./failing_code.py:net"])
def test_code_that_fails_while_it_is_imported_is_told_in_its_own_words(code, says, name, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "failing_code", raising=False)
    (tmp_path / "failing_code.py").write_text(code)
    with pytest.raises(InputError) as caught:
        import_object(name)
    assert f"encoder {name!r}: importing it raised {says}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_call_that_fails_is_told():
    assert call_imported(int, "own:make", "encoder", "3") == 3
    with pytest.raises(InputError, match="encoder 'own:make': calling it raised ValueError: invalid literal"):
        call_imported(int, "own:make", "encoder", "x")


def test_a_name_that_means_the_same_from_every_folder(tmp_path):
    assert whole_name("pkg.mod:net") == "pkg.mod:net"
    assert whole_name("resnet18") == "resnet18"
    assert whole_name("./own.py:net") == f"{Path.cwd() / 'own.py'}:net"
