"""The process of the emulated AWS: ``python -m migration_cockpit.rehearsal.aws.child DIRECTORY PORT PACE``.

The main thread's event loop keeps the servers and takes orders as JSON lines on stdin (one answer line each); moto
answers HTTP in threads of its own. When stdin ends, the owner is gone and everything stops.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

# Loading EC2's catalogue of machine images takes moto a second that nobody here needs. It is read at import.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from moto.ec2.models import ec2_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.rds.models import rds_backends
from werkzeug.serving import make_server

from migration_cockpit.rehearsal.aws import cloudwatch, rds
from migration_cockpit.rehearsal.aws.fleet import Fleet
from migration_cockpit.rehearsal.aws.gate import Gate
from migration_cockpit.rehearsal.database import Handle
from migration_cockpit.rehearsal.faults import STORAGE_FULL

ACCOUNT = "123456789012"
SUBNET_GROUP, PARAMETER_GROUP = "airflow-rehearsal", "airflow-rehearsal"


class Child:
    """The servers, the API in front of them, and the orders of the owner."""

    def __init__(self, world: Path, port: int, pace: rds.Pace, sample_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.port = port
        self.fleet = Fleet(world / "aws")
        self.state = rds.Region(world, self.fleet, loop, pace, set())
        rds.install(self.state)
        cloudwatch.install()
        self.gate = Gate(DomainDispatcherApplication(create_backend_app), world)
        self.watch = cloudwatch.Watch(self.fleet, ACCOUNT, sample_seconds, world / STORAGE_FULL)
        self._http: Any = None
        self._thread: threading.Thread | None = None

    def resume(self) -> int:
        """Answer HTTP (again), on the same port; returns the port."""
        if self._http is None:
            self._http = make_server("127.0.0.1", self.port, self.gate, threaded=True, request_handler=_Quiet)
            self.port = self._http.server_port
            self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), daemon=True)
            self._thread.start()
        return self.port

    def pause(self) -> None:
        """Refuse connections to the API; databases and their endpoints go on."""
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._http.server_close()
            self._thread.join()
            self._http = None

    async def create(self, identifier: str, region: str, handle: dict[str, Any], parameters: dict[str, Any]) -> int:
        """Register a running server as instance ``identifier``; returns its endpoint's port."""
        backend = rds_backends[ACCOUNT][region]
        self.watch.region = region
        maintenance = parameters.pop("pending_maintenance", None)
        self.fleet.adopt(identifier, Handle(**handle))
        instance = backend.adopt(
            _network(backend, region) | parameters | {"db_instance_identifier": identifier}, identifier
        )
        instance.pending_maintenance = maintenance
        backend.automated_backup(instance)
        await self.watch.start()
        return await self.fleet.endpoint(identifier)

    async def order(self, order: dict[str, Any]) -> Any:
        """Do what one order says; returns a value fit for JSON."""
        name, arguments = order["do"], order.get("with", {})
        if name == "create":
            return await self.create(**arguments)
        if name == "endpoint":
            return await self.fleet.endpoint(arguments["identifier"])
        if name == "issue":
            return self.gate.issue(**arguments)
        if name == "pause":
            return await asyncio.to_thread(self.pause)
        if name == "resume":
            return self.resume()
        raise ValueError(f"unknown order {name!r}")

    async def stop(self) -> None:
        """End everything that runs here."""
        await self.watch.stop()
        for task in list(self.state.tasks):
            task.cancel()
        await asyncio.to_thread(self.pause)
        await self.fleet.stop()


class _Quiet(MotoRequestHandler):  # type: ignore[misc]  # moto has no type hints that mypy follows here
    """Answers without a line on stderr for each request."""

    def log_request(self, *_: Any, **__: Any) -> None:
        """Say nothing."""


def _network(backend: Any, region: str) -> dict[str, Any]:
    """Create the groups an instance lives in and return its parameters as of a production database."""
    network = ec2_backends[ACCOUNT][region]
    subnets = network.describe_subnets()
    for name in (rds.DEFAULT_SUBNET_GROUP, SUBNET_GROUP):
        if name not in backend.subnet_groups:
            backend.create_subnet_group(name, f"Subnets of {name}", subnets, [])
    if PARAMETER_GROUP not in backend.db_parameter_groups:
        group = {"description": "Airflow", "db_parameter_group_family": "postgres18"}
        backend.create_db_parameter_group({"db_parameter_group_name": PARAMETER_GROUP, "tags": [], **group})
    vpc = subnets[0].vpc_id
    security = network.create_security_group(f"airflow-rehearsal-{len(backend.databases)}", "Airflow's database", vpc)
    return {
        "origin": "adopted",
        "engine": "postgres",
        "db_name": "airflow",
        "db_instance_class": "db.m6g.large",
        "allocated_storage": 100,
        "max_allocated_storage": 500,
        "storage_type": "gp3",
        "multi_az": True,
        "master_username": "postgres",
        "backup_retention_period": 7,
        "deletion_protection": True,
        "copy_tags_to_snapshot": True,
        "preferred_backup_window": "03:00-03:30",
        "preferred_maintenance_window": "sun:04:00-sun:04:30",
        "db_subnet_group_name": SUBNET_GROUP,
        "db_parameter_group_name": PARAMETER_GROUP,
        "vpc_security_group_ids": [security.id],
        "port": 5432,
        "tags": [{"Key": "service", "Value": "airflow"}],
    }


async def serve(world: Path, port: int, options: dict[str, Any]) -> None:
    """Run until stdin ends or says stop."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    child = Child(world, port, rds.Pace(**options["pace"]), options["sample_seconds"])
    _answer({"port": child.resume()})
    try:
        while line := await reader.readline():
            try:
                _answer({"result": await child.order(json.loads(line))})
            except Exception as error:  # noqa: BLE001 - the owner gets it as the answer to its order
                _answer({"error": f"{type(error).__name__}: {error}"})
    finally:
        await child.stop()


def _answer(value: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):
        print(json.dumps(value), flush=True)


def main() -> None:
    """Read the arguments and serve."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    world, port, options = sys.argv[1:4]
    asyncio.run(serve(Path(world), int(port), json.loads(options)))


if __name__ == "__main__":
    main()
