"""`python -m migration_cockpit.rehearsal.helm`"""

from __future__ import annotations

import sys

from migration_cockpit.rehearsal.helm.cli import main

if __name__ == "__main__":
    sys.exit(main())
