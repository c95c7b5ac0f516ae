"""seqjepa: which transformation lives where in a learned representation?

The public names are those of ``__init__.pyi``, imported when first used, so that ``import seqjepa`` is quick.
"""

import lazy_loader

__version__ = "0.2.0"  # the one place: the wheel takes it from here, and a source tree on the path has it too
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
