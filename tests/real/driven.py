"""Run inside of Airflow's environment: its command line, one command after the other, in one process.

Each start of Airflow costs five seconds. What it is told comes as a JSON list of words a line; what it says goes to
stdout as it is, then a line with MARK and the exit code. A first word `=` sets an environment variable, `@` asks the
DagBag for the import errors of a folder.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

MARK = "=== ended with"


def run(words: list[str]) -> int:
    """One command, as the program `airflow` runs it."""
    from airflow import settings  # type: ignore[import-not-found]  # Airflow's own environment has it
    from airflow.cli import cli_parser  # type: ignore[import-not-found]

    if settings.engine is not None:
        settings.engine.dispose()  # the database may be another one by now: a process of its own would not know it
    try:
        arguments = cli_parser.get_parser().parse_args(words)
        arguments.func(arguments)
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        return error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - its traceback is what is looked at
        traceback.print_exc()
        return 1
    return 0


def import_errors(folder: str) -> None:
    """What the DAG processor keeps in table import_error, file by file."""
    from airflow.dag_processing.dagbag import DagBag  # type: ignore[import-not-found]

    print("errors:", json.dumps(DagBag(folder, include_examples=False).import_errors))


def main() -> None:
    """Until there is nothing more to do."""
    sys.stderr = sys.stdout
    for line in sys.stdin:
        words = json.loads(line)
        code = 0
        if words[0] == "=":
            os.environ[words[1]] = words[2]
        elif words[0] == "@":
            import_errors(words[1])
        else:
            code = run(words)
        print(f"\n{MARK} {code}", flush=True)


if __name__ == "__main__":
    main()
