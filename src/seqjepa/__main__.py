"""``python -m seqjepa`` is ``seqjepa``."""

from seqjepa.cli.app import main

raise SystemExit(main())
