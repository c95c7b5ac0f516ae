"""The terminal is anybody's: ASCII, Latin-1, a pipe that is closed, no terminal at all."""

import os
import subprocess
import sys

import pytest

DIAGNOSE = (
    "diagnose --encoder pca:3 --images digits --identities 24 --steps 5 --base-poses 2 --probe-images 0 --baselines "
    "--translate-x 0 0 --translate-y 0 0 --scale 1 1 --skip group irreps shared actions leakage contents classes "
    "retrieval health literature"
)
LINES = ["--help", "list metrics", "train digits --help", "train digits --dry-run", DIAGNOSE, "nonsense"]


def run(line, tmp_path, **environment):
    known = {name: value for name, value in os.environ.items() if name not in ("LC_ALL", "LANG", "PYTHONUTF8")}
    return subprocess.Popen(
        [sys.executable, "-m", "seqjepa", *line.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=known | environment,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("line", LINES)
def test_a_terminal_that_is_not_utf_8(line, encoding, tmp_path):
    out, error = (process := run(line, tmp_path, PYTHONIOENCODING=encoding)).communicate()
    assert b"Traceback" not in error, error.decode("latin-1")
    assert process.returncode == (2 if line == "nonsense" else 0)
    assert out or line == "nonsense"


@pytest.mark.parametrize("line", ["--help", "list metrics", "train digits --help", DIAGNOSE])
def test_a_pipe_that_is_closed(line, tmp_path):
    process = run(line, tmp_path)
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141 or line == "--help"  # where argparse takes no notice
    assert error == b""
