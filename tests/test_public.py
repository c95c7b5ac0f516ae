import subprocess
import sys

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
