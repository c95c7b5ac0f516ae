"""What can be refused before work is refused before work, in one line that names the option.

In a process of its own, without the type checks that tests run under and users do not.
"""

import json
import subprocess
import sys

import pytest

DRIVER = """
import json, math
import numpy as np, torch, seqjepa as sj
from seqjepa.workflows.diagnosing import diagnose_encoder

called = []
def encoder(x):
    called.append(x)
    return x.flatten(1)

images = sj.load_images("digits", "train"), sj.load_images("digits", "test")
given = dict(encoder=encoder, images=images, identities=20, baselines=(), progress=False)

scale = sj.affine_factors(scale=(0.5, 1.0))
values, grids = torch.randn(20, 2, 4, 3), {"scale": torch.linspace(0.5, 1, 4).double()}
joint = dict(joint=torch.randn(20, 5, 3), joint_values=torch.rand(20, 5, 1).double() + 0.5)

def sweeps(**given):
    sj.Sweeps.from_arrays({"scale": values}, scale, grids, **{**joint, **given})

def archive(**given):
    np.savez("codes.npz", **{"values/scale": values, "grids/scale": grids["scale"], **joint, **given})
    sj.load_sweeps("codes.npz")

sweeps(), archive()

def tried(option, text):
    try:
        diagnose_encoder(**{**given, option: eval(text)})
    except BaseException as error:
        kind, said = "refused" if isinstance(error, sj.InputError) else type(error).__name__, str(error)
    else:
        kind, said = "accepted", ""
    print(json.dumps([option, text, kind, said, len(called)]))
"""
COUNTS = ["20.5", "'20'", "None", "True", "[20]", "float('nan')", "-3", "10**5000", "torch.tensor(2.5)"]
ARRAYS = [
    *("joint=torch.randn(20, 5, 4)", "joint=torch.randn(19, 5, 3)", "joint=torch.randn(20, 4, 3)"),
    *("joint=torch.randn(20, 15)", "joint=torch.full((20, 5, 3), math.nan)", "joint=torch.full((20, 5, 3), math.inf)"),
    *("joint_values=torch.rand(20, 5, 2).double()", "joint_values=torch.full((20, 5, 1), math.nan).double()"),
    *("joint_values=torch.full((20, 5, 1), -1.0).double()", "joint_values=torch.zeros(20, 5, 1).double()"),
    *("labels=torch.rand(20)", "labels=torch.full((20,), math.nan)", "labels=torch.zeros(19).long()"),
    *("labels=torch.zeros(20, 1).long()", "labels=torch.full((20,), 0.33)"),
]
METRICS = ["5, '?', len", "'a', '?', 5", "'a', '?'", "'a', 5, len", "'a', '?', len, unit=5", "'a', '?', len, low='x'"]
WRONG = {
    **dict.fromkeys(("identities", "steps", "base_poses", "probe_images", "supervised_epochs"), COUNTS),
    "seed": ["0.5", "'0'", "None", "True", "[0]"],
    "device": ["None", "0", "'gpu'", "''", "[]", "'cuda:' + '9' * 5000", "1.5"],
    "probes": ["'linear'", "None", "5", "[5]", "['svm']", "b'linear'"],
    "skip": ["'group'", "None", "5", "[None]", "['everything']"],
    "layers": ["'0'", "5", "[0]", "None"],
    "baselines": ["'pca'", "5", "[5]", "{'mine': 5}", "{'': encoder}", "{5: encoder}"],
    "metrics": ["None", "5", "'mine'", "[len]", *(f"[sj.Metric({of})]" for of in METRICS)],
    "pool": ["None", "5", "'avg'", "['mean']", "{}"],
    "border": ["5", "'mirror'", "['zeros']"],
    "pick": ["1.5", "True", "[0]", "{}"],
    "preprocess": ["'imagenet'", "5", "[]"],
    "factors": [
        *("[]", "5", "'rotation'", "{'rotation': None}", "{'rotation': (0, math.nan)}", "{'scale': (1e-300, 1)}"),
        *("{'scale': (1, 1e9)}", "{'translate_x': (-1e300, 1e300)}", "{'scale': (0, 1)}", "{5: (0, 1)}"),
        *("{'rotation': (0, 10**400)}", "[None]", "{'rotation': (True, 'x')}"),
    ],
    "folder": ["5", "'a' * 5000", "'a\\0b'", "'~nobody-at-all/x'", "'/proc/nothing'"],
    "images": [
        *("5", "(images[0],)", "images[0].pixels", "'cats'", "'npy:' + 'a' * 5000", "'npz:~nobody-x/y'"),
        "sj.Images(torch.zeros(30, 1, 0, 0, dtype=torch.uint8), torch.full((30,), -1), ())",
        "sj.Images(torch.zeros(0, 1, 8, 8, dtype=torch.uint8), torch.full((0,), -1), ())",
    ],
    "root": ["5", "'a\\0b'"],
    "arrays": [f"{made}({of})" for made in ("sweeps", "archive") for of in ARRAYS],
    "encoder": [
        *("5", "None", "'resnet'", "'a' * 5000", "'./a\\0b.py:net'", "'~nobody-x.onnx'", "'pca:\u00b2'", "'.x:y'"),
        *("'pca:' + '9' * 5000", "':'", "'x:'", "'hf:'", "'timm:'", "'a\\0b:c'", "''", "'pca:100000'"),
    ],
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refused")
    lines = [DRIVER, *(f"tried({option!r}, {text!r})" for option, texts in WRONG.items() for text in texts)]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


def test_nothing_is_encoded(answers):
    assert {count for *_, count in answers} == {0}


def test_each_is_refused_in_one_line(answers):
    assert len(answers) == sum(map(len, WRONG.values()))
    bad = [answer for answer in answers if answer[2] != "refused" or "\n" in answer[3] or len(answer[3]) > 1500]
    assert not bad, "\n".join(map(str, bad))
