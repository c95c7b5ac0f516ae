"""Encoded once: kept as it comes, gone on with after a kill, and never taken for another encoder's."""

import json
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from torch import nn

import seqjepa as sj
from seqjepa.extraction import parts, represent, represent_layers
from seqjepa.extraction.parts import OnDisk
from seqjepa.types import InputError

FACTORS = sj.affine_factors(rotation=(-180, 180), translate_x=(-4, 4))
SMALL = dict(identities=5, steps=4, base_poses=2, joint=3, batch_size=8, progress=False)
VIEWS = 5 * (2 * 9 + 2 * 9 + 3)  # 4 + 5 grid values around two poses, of either kind of sweep, and the joint design


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 8, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(288, 16))


class Counting(nn.Module):
    def __init__(self, inside):
        super().__init__()
        self.inside, self.views = inside, 0

    def forward(self, x):
        self.views += len(x)
        return self.inside(x)


@pytest.fixture(scope="module")
def images():
    return sj.load_images("digits", "test")


def equal(one, other):
    assert torch.equal(one.joint, other.joint)
    for name, codes in one.values.items():
        assert torch.equal(codes, other.values[name])
        assert torch.equal(one.group_values[name], other.group_values[name])
    assert (one.probe is None) == (other.probe is None)
    if one.probe is not None:
        assert all(torch.equal(codes, getattr(other.probe, field)) for field, codes in vars(one.probe).items())


def encoded(encoder, images, cache, **options):
    """The sweeps, and how many views the encoder was given for them, but for those of its check."""
    counting = Counting(encoder)
    found = represent(counting, images, FACTORS, cache=cache, **SMALL | options)
    return found, counting.views - 3 * 10


def test_what_was_encoded_once_is_not_encoded_again(images, tmp_path):
    probes = dict(probe_images=images[:20], probe_count=7)
    plain, _ = encoded(network(), images, None, **probes)
    first, views = encoded(network(), images, tmp_path, **probes)
    again, none = encoded(network(), images, tmp_path, **probes)
    assert views >= VIEWS + 4 * 7
    assert none == 0
    equal(plain, first)
    equal(plain, again)


def test_what_is_done_with_representations_does_not_reach_the_disk(images, tmp_path):
    first, _ = encoded(network(), images, tmp_path)
    kept = first.joint.clone()
    first.joint.zero_()
    assert torch.equal(encoded(network(), images, tmp_path)[0].joint, kept)


@pytest.mark.parametrize(
    "other",
    [
        dict(encoder=network(1)),
        dict(seed=1),
        dict(steps=6),
        dict(border="reflection"),
        dict(circular_mask=True),
        dict(preprocess=lambda x: 1 - x),
        dict(pool="none", encoder=nn.Flatten()),
        dict(dtype="bfloat16"),
    ],
    ids=lambda other: " ".join(other),
)
def test_another_encoder_design_or_image_is_encoded_anew(images, tmp_path, other):
    encoded(network(), images, tmp_path)
    found, views = encoded(images=images, cache=tmp_path, **{"encoder": network()} | other)
    alone, _ = encoded(images=images, cache=None, **{"encoder": network()} | other)
    assert views > 100
    equal(found, alone)


def test_of_a_larger_design_only_what_is_new_is_encoded(images, tmp_path):
    encoded(network(), images, tmp_path, group_sweeps=False, joint=0)
    _, joint = encoded(network(), images, tmp_path, group_sweeps=False)
    found, moved = encoded(network(), images, tmp_path)
    _, other = encoded(network(), images, tmp_path, joint=4)
    assert (joint, moved, other) == (5 * 3, 5 * 2 * 9, 5 * 4)
    equal(found, encoded(network(), images, None)[0])
    assert len(list(tmp_path.iterdir())) == 1


def test_other_images_are_encoded_anew(images, tmp_path):
    encoded(network(), images, tmp_path)
    darker = sj.Images(images.pixels // 2, images.labels, images.class_names)
    equal(encoded(network(), darker, tmp_path)[0], encoded(network(), darker, None)[0])


def test_layers_are_kept_in_one_pass(images, tmp_path):
    def swept(cache):
        counting = Counting(network())
        found = represent_layers(counting, images, FACTORS, ["inside.0", "inside.3"], cache=cache, **SMALL)
        return found, counting.views - 3 * 10

    (plain, _), (first, once), (again, none) = swept(None), swept(tmp_path), swept(tmp_path)
    assert once >= VIEWS
    assert none == 0
    for layer, sweeps in plain.items():
        equal(sweeps, first[layer])
        equal(sweeps, again[layer])


KILLED = """
import os, signal, sys, torch, seqjepa as sj
from seqjepa.extraction import parts
from tests.extraction.test_parts import FACTORS, SMALL, network
parts.FLUSH_SECONDS = 0
folder, calls = sys.argv[1], int(sys.argv[2])
net, left = network(), iter(range(calls))
def dying(x):
    if next(left, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return net(x)
digits = sj.load_images("digits", "test")
sj.represent(dying, digits, FACTORS, cache=folder, probe_images=digits[:20], probe_count=7, **SMALL)
"""


def test_killed_twice_and_resumed_it_is_the_same_to_the_last_bit(images, tmp_path):
    """The process is killed by a signal that it cannot see, in the middle of its work, and again when it goes on."""
    done = []
    for calls in (11, 15):  # of which four are of the encoder's check
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path), str(calls)], capture_output=True, text=True
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        (journal,) = tmp_path.glob("*/journal.txt")
        put = [json.loads(line)["part"] for line in journal.read_text().splitlines() if "part" in line]
        done.append(sum((last - first) * (stop - start) for first, last, start, stop in put))
    assert 0 < done[0] < done[1]
    net, seen = network(), []

    def last(x):
        seen.append(len(x))
        return net(x)

    last.__name__ = "dying"
    probes = dict(probe_images=images[:20], probe_count=7)
    resumed = represent(last, images, FACTORS, cache=tmp_path, **probes, **SMALL)
    assert len(list(tmp_path.iterdir())) == 1
    assert sum(seen[4:]) == VIEWS + 4 * 7 - done[1]
    equal(resumed, represent(net, images, FACTORS, **probes, **SMALL))


def test_half_a_line_of_the_journal_is_left_out(images, tmp_path):
    first, _ = encoded(network(), images, tmp_path)
    (journal,) = tmp_path.glob("*/journal.txt")
    journal.write_text(journal.read_text()[:-20])
    again, views = encoded(network(), images, tmp_path)
    assert 0 < views <= 8  # one batch
    equal(first, again)


@pytest.mark.parametrize(
    "text", ["{}\n", "nonsense\n", '{"name": 3}\n', '{"name": "joint", "shape": [1], "part": []}\n']
)
def test_a_damaged_journal_is_refused_in_a_line(images, tmp_path, text):
    encoded(network(), images, tmp_path)
    (journal,) = tmp_path.glob("*/journal.txt")
    journal.write_text(text)
    with pytest.raises(InputError, match="damaged"):
        encoded(network(), images, tmp_path)


def test_who_encodes_the_same_waits_and_then_finds_it(images, tmp_path, caplog):
    caplog.set_level("INFO", "seqjepa")
    first, _ = encoded(network(), images, tmp_path)
    (folder,) = tmp_path.iterdir()
    held, found = OnDisk(folder, {"z": 16}), []
    other = threading.Thread(target=lambda: found.append(encoded(network(), images, tmp_path)))
    other.start()
    until = time.monotonic() + 60
    while "waiting for another process" not in caplog.text:
        assert other.is_alive()
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not found
    held.close()
    other.join(60)
    ((second, views),) = found
    equal(first, second)
    assert views == 0


def test_the_journal_never_runs_ahead_of_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "FLUSH_SECONDS", 10**6)
    kept = OnDisk(tmp_path / "key", {"z": 3})
    kept.keep_batch_size(2)
    kept.put("joint", 4, 1, slice(0, 2), slice(0, 1), {"z": torch.ones(2, 1, 3)})
    assert not (tmp_path / "key" / "journal.txt").exists()
    order = []
    kept._files["z", "joint"].flush = lambda: order.append(json.dumps((tmp_path / "key" / "journal.txt").exists()))
    kept.flush()
    assert order == ["false"]
    assert (tmp_path / "key" / "journal.txt").exists()
    kept.close()
