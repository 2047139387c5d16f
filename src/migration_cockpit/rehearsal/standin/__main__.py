"""`python -m migration_cockpit.rehearsal.standin VERSION ARGUMENTS...`: the `airflow` command of that version."""

import sys

from migration_cockpit.rehearsal.standin.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
