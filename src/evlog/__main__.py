"""``python -m evlog``."""

from evlog.cli import main

raise SystemExit(main())
