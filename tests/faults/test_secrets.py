"""What must not reach a file: keys from the environment, planted and searched for."""

import os
import subprocess
import sys

import pytest

from seqjepa.recipes import change
from seqjepa.training.folder import without_secrets

KEY, TOKEN = "planted0" * 5, "hf_planted_token_1234567890"


def files_with(folder, *planted):
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for secret in planted:
                if secret.encode() in content:
                    found[path] = secret
    return found


@pytest.mark.parametrize("loggers", [{}, dict(wandb=True, tensorboard=True)])
def test_no_key_is_in_a_file_of_a_run(tiny, tmp_path, loggers):
    """Also where somebody puts one on the command line."""
    (tmp_path / "config.yaml").write_text(change(tiny, epochs=1, logging=loggers).to_yaml())
    surroundings = os.environ | {"WANDB_API_KEY": KEY, "HF_TOKEN": TOKEN, "MY_PASSWORD": "planted-password"}
    surroundings |= {"WANDB_MODE": "offline", "UNRELATED": "planted-elsewhere", "PYTHONWARNINGS": "ignore"}
    folder = tmp_path / f"run-{KEY[:8]}"
    command = [sys.executable, "-m", "seqjepa", "train", "--config", str(tmp_path / "config.yaml")]
    command += ["--out", str(folder)] + ([] if loggers else ["--name", KEY])
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "environment.yaml").is_file()
    assert bool(list(folder.glob("wandb/offline-run-*/run-*.wandb"))) == bool(loggers)
    named = {folder / name for name in ("config.yaml", "model.safetensors")}
    named |= set((folder / "checkpoints").iterdir())  # a run's name is what it was called
    found = files_with(folder, KEY, TOKEN, "planted-password", "planted-elsewhere")
    assert set(found) <= (set() if loggers else named), found
    for text in (done.stdout, done.stderr):
        assert TOKEN not in text


def test_the_search_finds_what_is_there(tmp_path):
    (tmp_path / "file").write_text(f"a {KEY} b")
    assert files_with(tmp_path, KEY) == {tmp_path / "file": KEY}


def test_words_that_are_secrets_are_blanked():
    around = {"WANDB_API_KEY": KEY, "hf_token": TOKEN, "HOME": "/home/somebody", "KEYBOARD": "us"}
    words = ["train", f"--x={KEY}", TOKEN, "/home/somebody/us"]
    assert without_secrets(words, around) == ["train", "--x=***", "***", "/home/somebody/us"]
