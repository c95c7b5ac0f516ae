"""Diagnose an encoder of your own: where do rotation, x, y and scale live in it? Under a minute, no download."""

import torch
from torch import nn

import seqjepa as sj

torch.manual_seed(0)
images = sj.load_images("digits", split="test")
factors = sj.affine_factors(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
my_encoder = nn.Sequential(  # put yours here: anything that takes (B, C, H, W) in [0, 1] and returns (B, D)
    nn.Conv2d(1, 16, 5, stride=2),
    nn.ReLU(),
    nn.Conv2d(16, 32, 5, stride=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(512, 32),
)


def sweep(encoder):
    return sj.represent(encoder, images, factors, identities=64, steps=13, base_poses=3)


baselines = {"pixels": sweep(sj.PixelPCA.fit(images, 32))}
diagnosis = sj.diagnose(sweep(my_encoder), baselines, probes=["linear"], skip=["group"], progress=True)
print(diagnosis.table())
print("rotation and x:", diagnosis["overlap"]["rotation", "translate_x"])
diagnosis.save("diagnosis.json")
