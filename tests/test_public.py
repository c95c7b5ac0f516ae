import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import seqjepa as sj


def test_every_public_name_is_there():
    for name in sj.__all__:
        assert getattr(sj, name).__doc__
    assert dir(sj) == sorted(sj.__all__)


def test_an_unknown_name_is_named():
    with pytest.raises(AttributeError, match="attribute trian"):
        _ = sj.trian


def test_training_is_imported_without_what_it_does_not_need():
    script = (
        "import sys; sys.modules['torchmetrics'] = None\n"  # where it is installed, Lightning imports it and SciPy's
        "import seqjepa.training, seqjepa.workflows.monitor\n"
        "assert not {'sklearn', 'scipy.stats', 'matplotlib', 'transformers'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_source_tree_on_the_path_knows_its_version(tmp_path):
    """Not installed: there is no metadata of a package seqjepa to ask."""
    tree = tmp_path / "src"
    shutil.copytree(Path(sj.__file__).parent, tree / "seqjepa", ignore=shutil.ignore_patterns("__pycache__"))
    said = (
        "import importlib.metadata as m, seqjepa, yaml, pathlib\n"
        "real = m.version\n"
        "def version(name):\n"
        "    if name in ('seqjepa', 'lightning-fabric'):\n"
        "        raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.version = version\n"
        "from seqjepa.training.folder import write_environment\n"
        "write_environment(pathlib.Path('.'), 0, 'cpu', 'float32')\n"
        "packages = yaml.safe_load(pathlib.Path('environment.yaml').read_text())['packages']\n"
        "known = packages['seqjepa'] == seqjepa.__version__\n"
        "print(known, packages['lightning-fabric'], packages['torch'] is not None)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tree)}
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.stdout.split() == ["True", "None", "True"], done.stderr


def test_the_version_is_said_in_one_place():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    assert "version" not in project["project"]
    assert project["tool"]["hatch"]["version"]["path"] == "src/seqjepa/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", sj.__version__)
