"""The model: encoder → action-conditioned aggregator → predictor, and a teacher. It knows no loss."""

from seqjepa.model.encoders import ENCODERS, build_encoder
from seqjepa.model.seqjepa import SeqJEPA
from seqjepa.model.split.encoder import SplitEncoder
from seqjepa.model.teachers import Ema, StopGradient, Teacher

__all__ = ["ENCODERS", "Ema", "SeqJEPA", "SplitEncoder", "StopGradient", "Teacher", "build_encoder"]
