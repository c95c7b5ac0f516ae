"""Which way up a photograph is: a camera stores it as the sensor lay, and says in its EXIF data how it was held."""

from __future__ import annotations

import struct

from PIL import Image

TAG = 0x0112  # of EXIF 2.32, section 4.6.4
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def exif_turn(image: Image.Image) -> Image.Transpose | None:
    """How an image has to be turned to stand upright; None where it does, or its EXIF data cannot be read."""
    try:
        said = image.getexif().get(TAG)
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OverflowError, EOFError, OSError, struct.error):
        return None  # damaged metadata, of an image that is whole
    return TURNS.get(said) if isinstance(said, int) else None


def upright(image: Image.Image) -> Image.Image:
    """The image as viewers show it."""
    image.load()  # which turns a TIFF already, and says so
    turn = exif_turn(image)
    return image if turn is None else image.transpose(turn)
