"""What a convolution costs by its channels, in bf16 on a CPU: ``python benchmarks/channels.py [WIDTH …]``.

Batch norm, ReLU and a 3 × 3 convolution of stride 2 to twice as many channels, of 512 maps of 14 × 14, channels last:
forward and backward, medians of interleaved rounds; in all and for each channel.
"""

import sys

import torch
from rows.timing import interleaved
from torch import nn

MAPS, SIDE, ROUNDS = 512, 14, 15


def work(width: int):
    layers = nn.Sequential(
        nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 2 * width, 3, 2, padding=1, bias=False)
    ).to(memory_format=torch.channels_last)
    maps = torch.randn(MAPS, width, SIDE, SIDE).bfloat16().contiguous(memory_format=torch.channels_last)
    maps.requires_grad_()

    def once() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            layers(maps).sum().backward()
        maps.grad = None
        layers.zero_grad()

    return once


def main(widths: list[int]) -> None:
    took = interleaved({str(width): work(width) for width in widths}, ROUNDS, warm=3)
    for name, seconds in took.items():
        middle = sorted(seconds)[len(seconds) // 2]
        print(f"{name} channels: {1e3 * middle:.1f} ms, {1e6 * middle / int(name):.0f} µs a channel")


if __name__ == "__main__":
    main([int(width) for width in sys.argv[1:]] or [24, 32, 36, 40, 48, 64])
