"""Nothing of the emulated AWS outlives the process that started it, however that ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

from tests.pace import PATIENCE

OWNER = """
import asyncio, json, sys
from pathlib import Path
import boto3
from migration_cockpit.rehearsal.aws import KEY_ID, SECRET, EmbeddedAws
from migration_cockpit.rehearsal.database import EmbeddedPostgres

def restore(url, region):
    client = boto3.client("rds", region_name=region, endpoint_url=url, aws_access_key_id=KEY_ID,
                          aws_secret_access_key=SECRET)
    backup = client.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"][0]
    if backup["Status"] != "available":
        return None
    name = backup["DBSnapshotIdentifier"]
    client.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="r", DBSnapshotIdentifier=name)
    return name

async def main():
    place = Path(sys.argv[1])
    postgres, aws = EmbeddedPostgres(place / "pg"), EmbeddedAws(place, restore_seconds=0.1)
    await asyncio.gather(postgres.start(), aws.start())
    await aws.create_instance("prod", postgres)
    while await asyncio.to_thread(restore, aws.endpoint_url, aws.region) is None:
        await asyncio.sleep(0.1)
    # The file is there a moment before its first line is.
    while not (found := [one for one in (place / "aws" / "servers").glob("*/data/postmaster.pid") if one.read_text()]):
        await asyncio.sleep(0.1)
    pids = [int(path.read_text().split()[0]) for path in (*found, place / "pg" / "data" / "postmaster.pid")]
    print(json.dumps([*pids, aws._process.pid]), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_nothing_outlives_a_killed_owner(tmp_path: Path) -> None:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("COCKPIT_")}
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(tmp_path), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert owner.stdout is not None
    pids = json.loads(await asyncio.wait_for(owner.stdout.readline(), 90))
    assert len(pids) == 3
    assert all(map(_alive, pids))
    owner.send_signal(signal.SIGKILL)
    await owner.wait()
    deadline = time.monotonic() + PATIENCE
    while left := [pid for pid in pids if _alive(pid)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        await asyncio.sleep(0.1)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
