"""The monitor in other people's loops: plain PyTorch, and Lightning's Trainer or what stands for it."""

import importlib.util
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

import seqjepa as sj
from seqjepa.types import InputError
from seqjepa.workflows.own_loop import LIGHTNING, log_figures

FACTORS = sj.affine_factors(rotation=(-180, 180), translate_x=(-4, 4))


class Net(nn.Module):
    """An encoder with what evaluation changes: batch statistics and dropout."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))

    def forward(self, images):
        return self.layers(images)


@pytest.fixture(scope="module")
def held_out():
    return sj.load_images("digits", "test")[:40]


@pytest.fixture
def monitor(held_out, tmp_path):
    return sj.EncoderMonitor(held_out, FACTORS, tmp_path / "looks", identities=24, steps=13)


def test_a_plain_loop_gets_estimates_and_its_network_back_as_it_was(monitor):
    net = Net().train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    first = monitor(net, 0)
    assert net.training
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert 0 < first.row["subspace_ev_rot_2"] <= 1
    assert "stability_rotation" not in first.row
    again = monitor(net, 1)
    assert again.row["stability_rotation"] == pytest.approx(1)
    assert monitor(Net().requires_grad_(False), 2).row["subspace_ev_rot_2"] == first.row["subspace_ev_rot_2"]


class Writer:
    """TensorBoard's, as far as it is called."""

    def __init__(self):
        self.scalars, self.images = {}, {}

    def add_scalar(self, name, value, step):
        self.scalars[name, step] = value

    def add_image(self, name, image, step, dataformats):
        assert (dataformats, image.dtype, image.shape[-1]) == ("HWC", np.uint8, 3)
        self.images[name, step] = image


def test_figures_go_to_tensorboard_and_wandb(monitor, monkeypatch):
    look, writer = monitor(Net(), 3), Writer()
    look.to_tensorboard(writer)
    assert writer.scalars == {(name, 3): value for name, value in look.row.items()}
    assert {name for name, _ in writer.images} == set(look.figures) >= {"eigs_rot", "rotation_circle"}
    logged = []
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(Image=lambda picture: picture.size))
    look.to_wandb(types.SimpleNamespace(log=logged.append))
    assert logged[0].keys() == {"epoch", *look.row, *look.figures}


def test_what_cannot_be_watched_is_refused(held_out, tmp_path):
    with pytest.raises(InputError, match="identities"):
        sj.EncoderMonitor(held_out, FACTORS, tmp_path, identities=2)
    with pytest.raises(InputError, match="epoch"):
        sj.EncoderMonitor(held_out, FACTORS, tmp_path)(Net(), -1)


@pytest.fixture
def stand_in(monkeypatch):
    """A package of Lightning's name with the one class that is asked of it."""
    module = types.ModuleType("lightning.pytorch")
    module.Callback = type("Callback", (), {})
    monkeypatch.setitem(sys.modules, "lightning", types.ModuleType("lightning"))
    monkeypatch.setitem(sys.modules, "lightning.pytorch", module)
    return module


def test_a_callback_looks_every_few_epochs_on_the_first_process(monitor, stand_in):
    logged, writer = [], Writer()
    module = types.SimpleNamespace(net=Net(), log_dict=lambda row, rank_zero_only: logged.append(row))
    loggers = [types.SimpleNamespace(experiment=writer), types.SimpleNamespace(experiment=object())]
    callback = sj.lightning_callback(monitor, "net", every=2)
    assert isinstance(callback, stand_in.Callback)
    for epoch in range(4):
        first = types.SimpleNamespace(current_epoch=epoch, is_global_zero=True, loggers=loggers)
        callback.on_train_epoch_end(first, module)
        callback.on_train_epoch_end(types.SimpleNamespace(current_epoch=epoch, is_global_zero=False), module)
    assert [set(row) >= {"subspace_ev_rot_2"} for row in logged] == [True, True]
    assert {step for _, step in writer.images} == {1, 3}


def test_wandbs_logger_gets_pictures(monitor):
    given = {}
    log_figures(types.SimpleNamespace(log_image=lambda name, images: given.update({name: images})), monitor(Net(), 0))
    assert all(picture.mode == "RGB" for pictures in given.values() for picture in pictures)
    assert given


def test_without_lightning_it_says_what_to_install(monitor, monkeypatch):
    for name in (*LIGHTNING, "lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"pip install 'seqjepa\[lightning\]'"):
        sj.lightning_callback(monitor)


@pytest.mark.filterwarnings("ignore")  # Lightning's own
def test_a_real_trainer_logs_them(monitor, tmp_path):
    installed = [name for name in LIGHTNING if importlib.util.find_spec(name.partition(".")[0])]
    if not installed:
        pytest.skip("Lightning is not installed")
    lightning = importlib.import_module(installed[0])

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.encoder = Net()

        def training_step(self, batch, _):
            return self.encoder(batch[0]).square().mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(8, 1, 28, 28)), 4)
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[sj.lightning_callback(monitor)],
        default_root_dir=tmp_path,
    )
    trainer.fit(Module(), data)
    assert 0 < float(trainer.callback_metrics["subspace_ev_rot_2"]) <= 1
    assert float(trainer.callback_metrics["stability_rotation"]) > 0
