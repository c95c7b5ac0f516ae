import os

import pytest

from seqjepa.io.files import check_folder, write_atomic
from seqjepa.types import InputError


def test_a_file_is_replaced_whole(tmp_path):
    write_atomic(tmp_path / "a", "one")
    write_atomic(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    write_atomic(tmp_path / "a", "one")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(tmp_path / "a", "two")
    assert (tmp_path / "a").read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_cannot_be_written_to_is_refused_without_making_it(tmp_path):
    (tmp_path / "file").write_text("")
    check_folder(tmp_path / "new/below")
    for path in (tmp_path / "file", tmp_path / "file/below/further"):
        with pytest.raises(InputError, match=f"cannot write to the folder {path}: Not a directory"):
            check_folder(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        check_folder(tmp_path / "new")
