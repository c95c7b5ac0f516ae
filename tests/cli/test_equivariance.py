"""``seqjepa check-equivariance``."""

import pytest

from seqjepa.cli.app import main


def test_a_claim_about_pixels(capsys):
    asked = ["check-equivariance", "--encoder", "pixels", "--images", "digits", "--identities", "16", "--steps", "5"]
    assert main(asked) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[1].split()[:2] == ["z", "rotation"]
    assert main([*asked, "--tolerance", "0.01"]) == 1
    assert main([*asked, "--tolerance", "2"]) == 0


@pytest.mark.parametrize("wrong", [["--claim", "equal"], ["--claim", "regular"], ["--identities", "1"]])
def test_mistakes_are_one_line(capsys, wrong):
    assert main(["check-equivariance", "--encoder", "pixels", "--images", "digits", *wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1
