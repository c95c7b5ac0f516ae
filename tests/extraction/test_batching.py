"""The size of a batch: found by trials, bounded by memory, and without influence on what comes of it."""

import subprocess
import sys
import time

import pytest
import torch
from torch import nn

import seqjepa as sj
from seqjepa.extraction import batching, represent
from seqjepa.extraction.batching import Measured, measured
from seqjepa.io.peak import MemoryWatch
from seqjepa.types import InputError, OutOfMemory

FACTORS = sj.affine_factors(rotation=(-180, 180), translate_x=(-4, 4))
SMALL = dict(identities=5, steps=4, base_poses=2, joint=3, progress=False)
MANY = 10**6


class Clock(MemoryWatch):
    """Time and memory as an encoder of known costs would take them."""

    def __init__(self, monkeypatch, call=0.0, view=1.0, most=None, bytes_of=lambda size: 0):
        self.now, self.call, self.view, self.most, self.sizes = 0.0, call, view, most, []
        self.bytes_of, self.taken = bytes_of, 0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def encode(self, size):
        self.sizes.append(size)
        if self.most and size > self.most:
            raise OutOfMemory("of it")
        self.now += self.call + self.view * size
        self.taken = int(self.bytes_of(size))

    def restart(self):
        self.taken = 0

    def peak(self):
        return self.taken

    def found(self, views=MANY, view_bytes=1, batch_size="auto"):
        return measured(self.encode, views, view_bytes, self, batch_size)


def test_it_grows_while_views_get_faster(monkeypatch):
    clock = Clock(monkeypatch, call=64, view=1)  # 16: 5 s a view, 32: 3, 64: 2, 128: 1.5, 256: 1.25, 512: 1.125, …
    assert clock.found().batch_size == 1024  # 2048 is 3 % faster, under FASTER
    assert Clock(monkeypatch, call=0).found().batch_size == 16


def test_trials_are_a_small_share_of_the_work(monkeypatch):
    clock = Clock(monkeypatch, call=1e6)
    assert clock.found(views=20_000).batch_size == max(clock.sizes) == 128
    assert sum(clock.sizes) <= 0.02 * 20_000


def test_of_few_views_nothing_hangs_on_time(monkeypatch):
    for call in (0, 1e6):
        clock = Clock(monkeypatch, call=call)
        assert clock.found(views=1000) == Measured(256, clock.now / 16, 0)
        assert clock.sizes == [16]
    mib = 1 << 20
    assert Clock(monkeypatch, bytes_of=lambda size: size * 17 * mib).found(views=1000).batch_size == 32


@pytest.mark.parametrize("fixed", [0, 300 << 20])
def test_a_batch_keeps_within_the_memory_it_may_take(monkeypatch, fixed):
    """As of a small network on large images: 17 MiB of activations a view, 17 GiB for 1,024 of them."""
    clock = Clock(monkeypatch, call=1e6, bytes_of=lambda size: fixed + size * (17 << 20))
    found = clock.found()
    assert found.peak_bytes <= batching.PEAK_BYTES
    assert max(clock.sizes) == found.batch_size == (32 if not fixed else 16)


def test_views_alone_are_bounded(monkeypatch):
    clock = Clock(monkeypatch, call=1e6)
    assert clock.found(view_bytes=4 * 3 * 320 * 320).batch_size == 64
    assert max(clock.sizes) == 64


def test_memory_that_runs_out_is_told_and_survived(monkeypatch, caplog):
    clock = Clock(monkeypatch, call=1e6, most=100)
    assert clock.found().batch_size == 64
    assert "out of memory with 128 views at once; going on with 64" in caplog.text
    assert Clock(monkeypatch, most=3).found().batch_size == 2
    with pytest.raises(OutOfMemory):
        Clock(monkeypatch, most=0.5).found()


def test_a_size_that_is_given_is_kept(monkeypatch):
    clock = Clock(monkeypatch, call=1e6)
    assert clock.found(batch_size=77).batch_size == 77
    assert clock.sizes == [16]


@pytest.mark.parametrize("wrong", [0, -3, True])
def test_other_sizes_are_refused(wrong):
    images = sj.load_images("digits", "test")
    with pytest.raises(InputError, match="batch_size"):
        represent(sj.pixels, images, FACTORS, batch_size=wrong, **SMALL)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(288, 16))


@pytest.mark.parametrize("batch_size", [1, 7, 64, "auto"])
def test_representations_are_the_same_whatever_the_batch(batch_size, monkeypatch):
    monkeypatch.setattr(batching, "FEW", 0)
    images, train = (sj.load_images("digits", split) for split in ("test", "train"))
    seen, probes = [], dict(probe_images=train, probe_count=9)
    net = network()
    whole = represent(net, images, FACTORS, batch_size=10**6, **SMALL, **probes)
    net.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    found = represent(net, images, FACTORS, batch_size=batch_size, **SMALL, **probes)
    if batch_size != "auto":
        assert max(seen[4:]) <= batch_size  # the first four are of the encoder's check
    for name in whole.values:
        torch.testing.assert_close(found.values[name], whole.values[name])
        torch.testing.assert_close(found.group_values[name], whole.group_values[name])
    torch.testing.assert_close(found.joint, whole.joint)
    torch.testing.assert_close(found.probe.train, whole.probe.train)


BOUNDED = """
import torch, seqjepa as sj
from torch import nn
from seqjepa.io.peak import MemoryWatch
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
images = sj.Images(torch.randint(256, (40, 3, 256, 256), dtype=torch.uint8), torch.full((40,), -1), ())
watch = MemoryWatch(torch.device("cpu"))
sj.represent(net, images, sj.affine_factors(rotation=(-180, 180)), 12, 9, 1, joint=2, progress=False)
print(watch.peak() / 2**20)
"""


def test_large_images_take_bounded_memory():
    """33 MiB of activations a view: 132 views, as many as were given at once, would take 4.3 GiB."""
    done = subprocess.run([sys.executable, "-c", BOUNDED], capture_output=True, text=True, check=True)
    assert 100 < float(done.stdout) < 1536, "MiB"
