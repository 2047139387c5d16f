"""Sessions with queries that change all the time: `python peers_load.py postgres|mysql ADDRESS SESSIONS`.

A file of its own without this project's packages: dolphie's environment brings the driver for MariaDB.
"""

from __future__ import annotations

import random
import sys
import threading
import time

CHANCE = random.Random(1)  # noqa: S311 - the same waits in every run; nothing is kept secret by them


def postgres(dsn: str, number: int) -> None:
    """One session: some work, a wait inside a transaction, a wait on the server; no two statements are the same."""
    import psycopg

    with psycopg.connect(dsn, application_name=f"load-{number}", autocommit=True) as session:
        for n in range(10**9):
            rows, wait = CHANCE.randint(1, 5000), CHANCE.uniform(0.2, 2.0)
            with session.transaction():
                session.execute(f"select count(*), {number}, {n} from generate_series(1, {rows})")  # noqa: S608 - numbers
                time.sleep(CHANCE.uniform(0.1, 0.8))
                session.execute(f"select pg_sleep({wait:.3f}), {number}, {n}")


def mysql(address: str, number: int) -> None:
    """One session: some work, then a wait on the server."""
    import pymysql

    host, _, port = address.partition(":")
    session = pymysql.connect(host=host, port=int(port), user="root", autocommit=True)
    with session, session.cursor() as cursor:
        for n in range(10**9):
            rows, wait = CHANCE.randint(1, 900), CHANCE.uniform(0.2, 2.0)
            cursor.execute(f"select count(*), {number}, {n} from information_schema.collations where id < {rows}")  # noqa: S608 - numbers
            cursor.fetchall()
            cursor.execute(f"select sleep({wait:.3f}), {number}, {n}")
            cursor.fetchall()
            time.sleep(CHANCE.uniform(0.1, 0.5))


def main() -> None:
    """Run the sessions until this process is ended, or until one of them fails."""
    kind, address, sessions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    work = {"postgres": postgres, "mysql": mysql}[kind]
    threads = [threading.Thread(target=work, args=(address, n), daemon=True) for n in range(sessions)]
    for thread in threads:
        thread.start()
    while all(thread.is_alive() for thread in threads):
        time.sleep(0.5)
    sys.exit("a session has ended")


if __name__ == "__main__":
    main()
