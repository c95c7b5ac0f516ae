"""Programs of torch.export as encoders: only when trusted, in batches of their size."""

import pytest
import torch
from torch import nn

import seqjepa as sj


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 4)).eval()


def save(network, file, *, dynamic):
    shapes = ({0: torch.export.Dim("batch")},) if dynamic else None
    torch.export.save(torch.export.export(network, (torch.zeros(4, 1, 28, 28),), dynamic_shapes=shapes), file)
    return file


@pytest.mark.parametrize("dynamic", [True, False])
def test_a_program_gives_the_sweeps_of_its_module(network, tmp_path, dynamic):
    encoder = sj.open_encoder(save(network, tmp_path / "net.pt2", dynamic=dynamic), trust=True)
    assert encoder.batch == (None if dynamic else 4)
    images = sj.load_images("digits", "test")
    options = dict(identities=5, steps=4, joint=3, progress=False)
    found = sj.represent(encoder, images, sj.affine_factors(rotation=(-180, 180)), **options)
    expected = sj.represent(network, images, sj.affine_factors(rotation=(-180, 180)), **options)
    torch.testing.assert_close(found.values["rotation"], expected.values["rotation"])
    assert found.metadata["encoder"] == "net.pt2"
    assert "size (28, 28)" in found.metadata["preprocess"]
    assert found.same_design(expected)


def test_without_trust_nothing_is_opened(tmp_path):
    with pytest.raises(sj.InputError, match=r"can run code when it is loaded; .*--trust \(in Python: trust=True\)"):
        sj.open_encoder(tmp_path / "is_not_even_there.pt2")


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_file_that_is_no_program(tmp_path, content, caplog):
    (tmp_path / "net.pt2").write_bytes(content)
    with pytest.raises(sj.InputError, match=r"net\.pt2: not a program that torch\.export"):
        sj.open_encoder(tmp_path / "net.pt2", trust=True)
    assert not caplog.records


def test_a_program_of_two_inputs_is_refused(tmp_path):
    class Two(nn.Module):
        def forward(self, a, b):
            return a + b

    file = tmp_path / "two.pt2"
    torch.export.save(torch.export.export(Two(), (torch.zeros(2, 1, 3, 3),) * 2), file)
    with pytest.raises(sj.InputError, match="takes 2 inputs; an encoder takes one"):
        sj.open_encoder(file, trust=True)


def test_a_program_of_something_else_than_images_is_refused(tmp_path):
    file = tmp_path / "rows.pt2"
    torch.export.save(torch.export.export(nn.Linear(3, 2), (torch.zeros(2, 3),)), file)
    with pytest.raises(sj.InputError, match=r"its input is torch\.float32 \(2, 3\), not floating point of shape"):
        sj.open_encoder(file, trust=True)
