"""Tensors out of a safetensors file that others may have written."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from seqjepa.io.memory import check_memory
from seqjepa.io.untrusted import open_regular, parse_json
from seqjepa.types import InputError
from seqjepa.types.limits import ARRAYS, HEADER_BYTES


def read_safetensors(path: Path, key: str = "", what: str = "safetensors file") -> tuple[dict[str, Tensor], Any]:
    """The tensors of a file by name, and the JSON that it holds under ``key``; None where it holds none.

    Args:
        path: the file.
        key: of the metadata.
        what: it should be, for the message.

    Raises:
        InputError: it is missing, no regular file, damaged, larger than memory, or of too many tensors.
    """
    with open_regular(path) as file:  # held open: what is checked is what is read
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        header = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if header > min(HEADER_BYTES, size):
            raise InputError(f"{path}: not a readable {what} (a header of {header} bytes)")
        check_memory(str(path), size, "it is larger than what can be read")
        try:
            with safe_open(path, framework="pt") as opened:
                names = opened.keys()
                if len(names) > ARRAYS:
                    raise InputError(f"{path}: {len(names)} tensors; {ARRAYS} are the most")
                tensors = {name: opened.get_tensor(name) for name in names}
                text = (opened.metadata() or {}).get(key)
        except InputError:
            raise
        # AttributeError: a type that torch does not have.
        except (SafetensorError, OSError, ValueError, AttributeError) as error:
            said = " ".join(str(error).split())[:200]
            raise InputError(f"{path}: not a readable {what} ({said})") from error
    try:
        return tensors, None if text is None else parse_json(text)
    except ValueError as error:
        raise InputError(f"{path}: damaged ({str(error)[:200]})") from error
