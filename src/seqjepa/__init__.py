"""seqjepa: which transformation lives where in a learned representation?

The public names are those of ``__init__.pyi``, imported when first used, so that ``import seqjepa`` is quick.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
