"""What other systems do not have is not needed: Windows stands here for them, name by name."""

import os
import platform
import re
import sys
from pathlib import Path

import pytest
import torch

from seqjepa.io import memory, untrusted
from seqjepa.io.files import write_atomic
from seqjepa.training.cpu import cpu_capabilities
from seqjepa.training.folder import processor
from seqjepa.training.hardware import has_bf16

SOURCE = Path(__file__).parents[2] / "src"
# Modules that exist on POSIX alone; a lock comes from filelock, whichever system it is.
POSIX_ALONE = ("fcntl", "grp", "pty", "pwd", "resource", "termios")


def test_no_module_of_posix_alone_is_imported():
    imports = re.compile(rf"^\s*(?:import|from) (?:{'|'.join(POSIX_ALONE)})\b", re.MULTILINE)
    assert imports.search("import os\n    import fcntl\n")
    assert [path.name for path in SOURCE.rglob("*.py") if imports.search(path.read_text())] == []


def test_a_file_is_written_where_no_folder_can_be_opened(tmp_path, monkeypatch):
    opened = os.open

    def refuses_folders(path, *more, **options):
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied")
        return opened(path, *more, **options)

    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "file"  # made before os.name says Windows, whose paths no other system can make
    monkeypatch.setattr(os, "open", refuses_folders)
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        write_atomic(path, "whole")
    assert path.read_text() == "whole"


def test_memory_that_nobody_tells_of_refuses_nothing(monkeypatch):
    monkeypatch.delattr(os, "sysconf")
    monkeypatch.setattr(memory, "CGROUP", Path("nowhere"))
    monkeypatch.setattr(Path, "read_text", lambda *_: (_ for _ in ()).throw(FileNotFoundError()))
    assert memory.available_memory() == sys.maxsize


@pytest.mark.parametrize("name", ["O_NONBLOCK", "O_CLOEXEC"])
def test_files_are_opened_without_what_a_system_lacks(name):
    assert untrusted.READING & getattr(os, name)  # here they are
    lacking = sum(getattr(os, flag, 0) for flag in ("no such flag", "O_BINARY"))
    assert lacking == 0


def test_a_pytorch_that_does_not_tell_of_its_processor_computes_in_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert cpu_capabilities() == {}
    assert has_bf16("cpu") is False
    assert processor() == platform.processor()
