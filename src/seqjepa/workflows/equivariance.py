"""An audit of a claim: does z(g x) = ρ(g) z(x) hold, and is what is missing the network's fault or the resampling's?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqjepa.diagnostics.context import from_ratio
from seqjepa.diagnostics.estimate import Estimate, short
from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.encoders.asking import Encoder, Pool, chosen_output
from seqjepa.encoders.calling import frozen
from seqjepa.encoders.devices import Device, placed
from seqjepa.encoders.preprocess import Prepare, chosen_preprocess
from seqjepa.rng import generator
from seqjepa.sweeps.design import AFFINE
from seqjepa.types import Factor, Images, InputError
from seqjepa.workflows.claim_errors import Errors, as_codes, errors_of, recording
from seqjepa.workflows.claims import Claim, check_claim

FEWEST = 2  # images: an interval needs them
OUTPUT = "z"
UNIT = "of the distance between two images"


@dataclass(frozen=True)
class ClaimChecked:
    """How far a layer is from what is claimed of it under one factor. All in units of two images' distance.

    Attributes:
        layer, factor: of which.
        error: E‖z(g x) − ρ(g) z(x)‖² / E‖z(x) − z(x′)‖², over images and values of the factor.
        floor: the same of a picture moved there and back, resampled twice: what interpolation alone sets.
        excess: error less floor, paired over images: what the network itself is answerable for, at the least.
        worst: the value of the factor at which the error is largest, and the error there.
    """

    layer: str
    factor: str
    error: Estimate
    floor: Estimate
    excess: Estimate
    worst: tuple[float, float]

    def __str__(self) -> str:
        return (
            f"{self.layer}, {self.factor}: error {self.error}; interpolation alone {self.floor}; beyond {self.excess}"
        )


@dataclass(frozen=True)
class EquivarianceCheck:
    """What ``check_equivariance`` finds, a row for each layer and factor."""

    rows: tuple[ClaimChecked, ...]

    def __getitem__(self, of: tuple[str, str]) -> ClaimChecked:
        """The row of (layer, factor); "z" is the encoder's output. Raises KeyError."""
        return next((row for row in self.rows if (row.layer, row.factor) == of), None) or _missing(of)

    def table(self) -> str:
        """As text, a line a row."""
        head = ("layer", "factor", "error", "interpolation alone", "beyond", "worst at")
        lines = [head] + [
            (r.layer, r.factor, _shown(r.error), _shown(r.floor), _shown(r.excess), f"{r.worst[0]:g}")
            for r in self.rows
        ]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _missing(of: tuple[str, str]) -> ClaimChecked:
    raise KeyError(of)


def _shown(estimate: Estimate) -> str:
    low, high = estimate.interval or (0.0, 0.0)
    return f"{short(estimate.value or 0.0)} [{short(low)}, {short(high)}]"


def check_equivariance(
    encoder: Encoder,
    images: Images | Tensor,
    factors: Sequence[Factor],
    representation: Claim | Mapping[str, Claim] = "invariant",
    *,
    order: int = 0,
    layers: Sequence[str] = (),
    identities: int = 64,
    steps: int = 9,
    seed: int = 0,
    preprocess: Prepare = "auto",
    pick: str | int | None = None,
    pool: Pool = "mean",
    circular_mask: bool = True,
    device: Device = "auto",
) -> EquivarianceCheck:
    """How far an encoder is from the representation that it was built to carry, layer by layer.

    A picture that was moved is not the picture that a camera would have seen: it was interpolated. So the error stands
    beside the one of the same picture moved there and back, which no network is answerable for. That picture was
    resampled twice and the moved one once, so what lies beyond is the network's own, at the least.

    Args:
        encoder: images (B, C, H, W), float32 in [0, 1], to representations (B, D) or maps; any callable.
        images: of which some are drawn; ``Images``, or pixels (N, C, H, W) as uint8 or in [0, 1].
        factors: what moves, one at a time, see ``affine_factors``.
        representation: the claim ρ, the same for all layers or by layer. "invariant": ρ = 1. "regular": rotation by one
            n-th of a turn, counter-clockwise, sends channel c of each block of n = ``order`` to c + 1. "map": maps
            (B, C, H, W), unpooled, move with the picture. "regular map": both. A function: from a factor's name and
            its value in its own unit to a matrix (D, D).
        order: n of the cyclic group C_n of "regular"; its rotations are the values that are tried.
        layers: names as in ``encoder.named_modules()``; the output if left out.
        identities: images, over which intervals are.
        steps: values of a factor.
        seed: of the draw of images.
        preprocess, pick, pool, device: as in ``represent``; a layer that is claimed to be a map is not pooled.
        circular_mask: set to 0 what lies outside the inscribed circle, or a turn cuts the picture's corners off.

    Returns:
        A row for each layer and factor, which prints as a table.

    Raises:
        InputError: fewer than two images, a claim that does not fit, a layer that does not exist, or representations
            that are the same for all images.
    """
    pixels = _drawn(images, identities, seed)
    claims = _claims(representation, layers, factors, order)
    if not factors or any(f.name not in AFFINE for f in factors):
        raise InputError("factors: give one or more affine ones; see affine_factors")
    prepare, pick = chosen_preprocess(encoder, preprocess), chosen_output(encoder, pick)
    rows = []
    with placed(encoder, device) as where, frozen(encoder), recording(encoder, layers) as seen:

        def codes_of(views: Tensor) -> dict[str, Tensor]:
            seen.clear()
            output = encoder(prepare(views))
            found = seen if layers else {OUTPUT: output}
            if missing := [name for name in layers if name not in found]:
                raise InputError(f"layers: the encoder did not pass through {', '.join(missing)}")
            return {
                name: as_codes(found[name], claim, None if layers else pick, pool) for name, claim in claims.items()
            }

        here = pixels.to(where)
        for factor in factors:
            found = errors_of(codes_of, here, factor, claims, order, steps, circular_mask)
            rows += [_row(layer, factor, errors) for layer, errors in found.items()]
    return EquivarianceCheck(tuple(sorted(rows, key=lambda row: list(claims).index(row.layer))))


def assert_equivariant(
    encoder: Encoder,
    images: Images | Tensor,
    factors: Sequence[Factor],
    representation: Claim | Mapping[str, Claim] = "invariant",
    *,
    tolerance: float = 0.01,
    **options: Any,
) -> EquivarianceCheck:
    """``check_equivariance`` for a test suite: fails where an error beyond interpolation is larger than a tolerance.

    Args:
        encoder, images, factors, representation: as in ``check_equivariance``.
        tolerance: on the excess, a share of the distance between two images.
        options: any further keyword of ``check_equivariance``.

    Returns:
        What was found.

    Raises:
        AssertionError: with every layer and factor whose excess is larger.
        InputError: as ``check_equivariance``.
    """
    found = check_equivariance(encoder, images, factors, representation, **options)
    failed = [row for row in found.rows if (row.excess.value or 0.0) > tolerance]
    if failed:
        lines = [
            f"{row.layer}, {row.factor}: {_shown(row.error)} {UNIT}, {_shown(row.floor)} by interpolation alone; "
            f"{_shown(row.excess)} beyond it, tolerance {tolerance:g}; worst at {row.worst[0]:g}"
            for row in failed
        ]
        raise AssertionError("the encoder is not equivariant as claimed\n" + "\n".join(lines))
    return found


def _drawn(images: Images | Tensor, identities: int, seed: int) -> Tensor:
    pixels = images.pixels if isinstance(images, Images) else images
    if pixels.ndim != 4 or min(len(pixels), identities) < FEWEST:
        raise InputError(f"images: {FEWEST} or more of shape (C, H, W) are needed")
    return pixels[torch.randperm(len(pixels), generator=generator(seed, "anchors"))[:identities].sort().values]


def _claims(
    given: Claim | Mapping[str, Claim], layers: Sequence[str], factors: Sequence[Factor], order: int
) -> dict[str, Claim]:
    names = list(layers) or [OUTPUT]
    if isinstance(given, Mapping):
        if set(given) != set(names):
            raise InputError(f"representation: of {', '.join(given)}, and the layers are {', '.join(names)}")
        claims = {name: given[name] for name in names}
    else:
        claims = dict.fromkeys(names, given)
    for claim in claims.values():
        for factor in factors:
            check_claim(claim, factor, order)
    return claims


def _row(layer: str, factor: Factor, found: Errors) -> ClaimChecked:
    if float(found.apart.sum()) <= 0:
        raise InputError(f"{layer}: the representations of all images are the same; nothing can be compared")
    whole = found.apart.mean(0)
    by_value = found.error.sum(1) / found.apart.sum(1)
    worst = int(by_value.argmax())
    return ClaimChecked(
        layer,
        factor.name,
        from_ratio(Ratio(found.error.mean(0), whole)),
        from_ratio(Ratio(found.floor.mean(0), whole)),
        from_ratio(Ratio((found.error - found.floor).mean(0), whole), 0.0, "interpolation alone"),
        (found.values[worst], float(by_value[worst])),
    )
