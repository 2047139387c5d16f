"""`migration-cockpit`, and `python -m migration_cockpit`. What is loaded before a command runs stays: it is not looked
through for garbage, so that the screen comes sooner."""

import gc
import sys

gc.disable()

from migration_cockpit.cli import main  # noqa: E402  # loaded without looks for garbage

if __name__ == "__main__":
    sys.exit(main())
