import pytest

import seqjepa as sj


def test_every_public_name_is_there():
    for name in sj.__all__:
        assert getattr(sj, name).__doc__
    assert set(sj.__all__) == set(sj._HOME)
    assert dir(sj) == sj.__all__


def test_an_unknown_name_is_named():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = sj.trian
