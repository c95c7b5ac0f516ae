"""The shared nouns of the package: plain, frozen, and free of any other part of it."""

from seqjepa.types.errors import InputError, LostProcess, NotIdentifiable, OutOfMemory, WriteFailed
from seqjepa.types.factor import Factor
from seqjepa.types.images import Images
from seqjepa.types.outputs import WHOLE, Outputs
from seqjepa.types.pose import POSE_COLUMNS, Pose

__all__ = [
    "POSE_COLUMNS",
    "WHOLE",
    "Factor",
    "Images",
    "InputError",
    "LostProcess",
    "NotIdentifiable",
    "OutOfMemory",
    "Outputs",
    "Pose",
    "WriteFailed",
]
