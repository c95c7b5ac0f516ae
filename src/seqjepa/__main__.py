"""``python -m seqjepa`` is ``seqjepa``."""

from seqjepa.cli import main

raise SystemExit(main())
