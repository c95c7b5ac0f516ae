"""The model: encoder → action-conditioned aggregator → predictor, and a teacher. It knows no loss."""

from seqjepa.model.aggregation import Aggregation, AggregatorSpec
from seqjepa.model.encoders import ENCODERS
from seqjepa.model.registry import AGGREGATORS, build_aggregation, build_encoder, build_teacher
from seqjepa.model.seqjepa import SeqJEPA
from seqjepa.model.split.encoder import SplitEncoder
from seqjepa.model.teachers import TEACHERS, Ema, StopGradient, Teacher

__all__ = [
    "AGGREGATORS",
    "ENCODERS",
    "TEACHERS",
    "Aggregation",
    "AggregatorSpec",
    "Ema",
    "SeqJEPA",
    "SplitEncoder",
    "StopGradient",
    "Teacher",
    "build_aggregation",
    "build_encoder",
    "build_teacher",
]
