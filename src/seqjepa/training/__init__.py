"""Training: configuration, the loop, online probes, checkpoints, loggers."""

from seqjepa.training.config import Config
from seqjepa.training.loop import Moment, resume, train
from seqjepa.training.saved import load_encoder, load_model

__all__ = ["Config", "Moment", "load_encoder", "load_model", "resume", "train"]
