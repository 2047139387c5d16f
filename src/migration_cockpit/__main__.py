"""`python -m migration_cockpit` is the same as `migration-cockpit`."""

import sys

from migration_cockpit.cli import main

sys.exit(main())
