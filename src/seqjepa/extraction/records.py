"""Recorded images through an encoder."""

from __future__ import annotations

import torch
from rich.progress import Progress

from seqjepa.encoders.asking import Encoder, Pool, chosen_output, encoder_name
from seqjepa.encoders.calling import called, check_encoder, checked_representation, frozen
from seqjepa.encoders.devices import Device, placed
from seqjepa.encoders.preprocess import Prepare, chosen_preprocess
from seqjepa.rng import generator
from seqjepa.sweeps import Sweeps
from seqjepa.types.records import Records

AT_ONCE = 256


def represent_records(
    encoder: Encoder,
    records: Records,
    identities: int = 256,
    seed: int = 0,
    preprocess: Prepare = "auto",
    *,
    pick: str | int | None = None,
    pool: Pool = "mean",
    device: Device = "auto",
    progress: bool = True,
) -> Sweeps:
    """An encoder's representations of recorded images; what can be said of them, see ``Sweeps.from_recorded``.

    Args:
        encoder: as in ``represent``.
        records: see ``load_records``.
        identities: so many at most, all records of each.
        seed: of the choice.
        preprocess, pick, pool, device, progress: as in ``represent``.

    Raises:
        EncoderError, InputError: as ``represent`` and ``Sweeps.from_recorded``.
    """
    few = records.of_identities(identities, generator(seed, "recorded identities"))
    prepare, pick = chosen_preprocess(encoder, preprocess), chosen_output(encoder, pick)
    codes = []
    with placed(encoder, device) as where, frozen(encoder), Progress(disable=not progress, transient=True) as bar:

        def codes_of(views: torch.Tensor) -> dict[str, torch.Tensor]:
            ready = prepare(views)
            return {"z": checked_representation(called(encoder, ready), ready, pick, pool)}

        check_encoder(codes_of, few.pixels[:16].to(where).float() / 255)
        task = bar.add_task("encoding records", total=len(few))
        for part in few.pixels.split(AT_ONCE):
            codes.append(codes_of(part.to(where).float() / 255)["z"].float().cpu())
            bar.advance(task, len(part))
    told = {"encoder": encoder_name(encoder), "preprocess": str(prepare), "seed": seed, "device": str(where)}
    first = torch.unique(few.identities, return_inverse=True)[1]
    shown = torch.stack([few.pixels[(first == i).nonzero()[0, 0]] for i in range(int(first.max()) + 1)])
    z = torch.cat(codes)
    labels = few.labels if few.class_names else None
    return Sweeps.from_recorded(
        z, few.identities, few.values, few.factors, labels, seed=seed, metadata=told, images=shown
    )
