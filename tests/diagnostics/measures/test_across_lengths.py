import torch

from seqjepa.diagnostics.measures.across_lengths import rows_of_length, values_across
from seqjepa.diagnostics.measures.probes import Rows

WHO = torch.arange(60)
SPLIT = Rows(WHO < 30, (WHO >= 30) & (WHO < 40), WHO >= 40)


def test_one_length_trains_and_all_are_tested():
    split = Rows(*torch.eye(3, dtype=torch.bool))
    rows = rows_of_length(split, lengths=2, windows=2, fitted=1)
    assert rows.train.nonzero().flatten().tolist() == [2, 3]
    assert rows.validation.nonzero().flatten().tolist() == [6, 7]
    assert rows.test.nonzero().flatten().tolist() == [8, 9, 10, 11]


def test_r2_is_of_the_spread_at_its_own_length():
    """Paths of length 1 lie around 0 and those of length 2 around 100; codes say nothing of either."""
    random = torch.Generator().manual_seed(0)
    codes, targets = torch.randn(2, 60, 2, 3, 2, generator=random, dtype=torch.float64)
    targets = targets + torch.tensor([0.0, 100.0])[:, None, None]
    at_1, at_2 = values_across(codes, targets, SPLIT, fitted=0)
    assert abs(at_1.score.value) < 0.2
    assert at_2.score.value < -1000  # a probe that says 0 of what lies around 100


def test_the_null_reads_targets_of_other_identities():
    codes = torch.randn(60, 2, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for result in values_across(codes, codes, SPLIT, fitted=1):
        assert result.score.value > 0.999
        assert float(result.null.max()) < 0.2
