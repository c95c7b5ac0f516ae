"""THE loop: images under their poses, warped and encoded in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from jaxtyping import Float
from torch import Tensor

from seqjepa.encoders.asking import EncoderError
from seqjepa.extraction.batching import halved, ran_out
from seqjepa.extraction.parts import Parts

CodesOf = Callable[[Tensor], dict[str, Tensor]]  # views (B, C, H, W) to named representations (B, D)


def encode_views(
    codes_of: CodesOf,
    views_of: Callable[[slice, slice], Float[Tensor, "B V C H W"]],
    name: str,
    shape: tuple[int, int],
    parts: Parts,
    advance: Callable[[int], None],
    dims: Mapping[str, int],
) -> dict[str, Float[Tensor, "N V _"]]:
    """The representations of all views of all images, by layer. What is there already is not encoded again.

    A batch that memory has no room for is tried again in halves, and those after it are no larger.

    Args:
        codes_of: the encoder.
        views_of: warps a run of images at a run of their poses.
        name: of the sweep.
        shape: how many images there are, and how many views of each.
        parts: where representations are put, which also says how many views are a batch.
        advance: is told how many views are done.
        dims: each layer's dimensions, as it had them for a handful of views.

    Raises:
        EncoderError: as the encoder's own, or it returns another number of dimensions than before.
    """
    count, views = shape
    assert parts.batch_size is not None
    left = deque(cut(slice(0, count), slice(0, views), parts.batch_size))
    while left:
        who, which = left.popleft()
        tried = (who.stop - who.start) * (which.stop - which.start)
        if not parts.missing(name, count, views, who, which):
            advance(tried)
            continue
        try:
            made = views_of(who, which)
            codes = codes_of(made.flatten(0, 1))
        except (MemoryError, RuntimeError) as error:
            if tried == 1 or not ran_out(error):
                raise
            parts.keep_batch_size(halved(tried))
            left = deque(part for piece in [(who, which), *left] for part in cut(*piece, parts.batch_size))
            continue
        for layer, z in codes.items():
            if z.shape[1] != dims[layer]:
                sizes = f"{z.shape[1]} dimensions for {len(z)} images, and {dims[layer]} for fewer or more"
                raise EncoderError(f"the encoder returned {sizes}")
        ready = {layer: z.float().cpu().unflatten(0, made.shape[:2]) for layer, z in codes.items()}
        parts.put(name, *shape, who, which, ready)
        advance(tried)
    return parts.whole(name)


def cut(identities: slice, views: slice, at_once: int) -> list[tuple[slice, slice]]:
    """Runs of identities whose views fill a batch; where those of one identity are too many, parts of them."""
    if not views.stop - views.start:
        return []
    several = max(1, at_once // (views.stop - views.start))
    who = _runs(identities, several)
    return [(one, which) for one in who for which in _runs(views, at_once)]


def _runs(whole: slice, size: int) -> list[slice]:
    return [slice(start, min(start + size, whole.stop)) for start in range(whole.start, whole.stop, size)]
