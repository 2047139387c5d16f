"""Airflow's own connection to the metadata database: which Secret holds it, and where it leads."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from migration_cockpit.actions import cluster
from migration_cockpit.actions.cluster import annotations_of, labels, main_container
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import KubeError, WorldError
from migration_cockpit.session.events import Command

VARIABLES = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN", "AIRFLOW_CONN_AIRFLOW_DB")
"""The environment variables that carry it, the one that counts first."""
POOLER_FILE = "pgbouncer.ini"
_ALIAS = re.compile(r"(?m)^[ \t]*(?P<alias>[\w.*-]+)[ \t]*=(?P<given>.*\bhost[ \t]*=.*)$")
_HOST = re.compile(r"\bhost[ \t]*=[ \t]*(\S+)")
_PORT = re.compile(r"\bport[ \t]*=[ \t]*(\d+)")


def reference(site: Site, objects: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """Name and key of the Secret that the scheduler of a manifest reads its connection from; the chart's by default."""
    schedulers = (
        each["spec"]["template"]["spec"]
        for each in objects
        if each.get("kind") in {"Deployment", "StatefulSet"} and labels(each).get("component") == "scheduler"
    )
    found = next((found for each in schedulers if (found := secret_of(main_container(each, "scheduler")))), None)
    return found or (f"{site.release}-metadata", "connection")


def secret_of(container: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name and key of the Secret that a container reads Airflow's connection from; None where none is named."""
    given = {one["name"]: (one.get("valueFrom") or {}).get("secretKeyRef") for one in container.get("env") or []}
    found = next((given[name] for name in VARIABLES if given.get(name)), None)
    return (str(found["name"]), str(found["key"])) if found else None


async def dsn(site: Site, objects: Iterable[Mapping[str, Any]]) -> str:
    """The DSN that Airflow itself has, past PgBouncer where the config says how. Raises WorldError."""
    if site.settings.postgres.direct_dsn is not None:
        return await site.live.dsn(direct=True)
    name, key = reference(site, objects)
    return site.live.redactor.register(await site.live.kube.secret(name, key))


def moved(dsn_text: str, host: str, port: int, database: str = "") -> str:
    """A DSN that leads to another server, and to another database where one is named."""
    parts = urlsplit(dsn_text)
    account, at, _ = parts.netloc.rpartition("@")
    path = f"/{database}" if database else parts.path
    return urlunsplit(parts._replace(netloc=f"{account}{at}{host}:{port}", path=path))


def place_of(dsn_text: str) -> tuple[str, int]:
    """Host and port of a DSN."""
    parts = urlsplit(dsn_text)
    return parts.hostname or "", parts.port or 5432


class PointSecret:
    """Let the Secret of Airflow's connection lead to another server; what it held stays in a backup Secret."""

    name = "point-connection"

    def __init__(self, site: Site, secret: tuple[str, str] | None, to: tuple[str, int] | None) -> None:
        """`secret` is (name, key), `to` (host, port); None where they are known only in the flight.

        The key `pgbouncer.ini` of PgBouncer's own Secret is understood too.
        """
        self._site = site
        self._secret = secret or ("<connection Secret>", "connection")
        self._to = to
        self.key = f"{self._secret[0]} to {to[0]}:{to[1]}" if to else f"{self._secret[0]} to <restored server>"

    @property
    def backup(self) -> str:
        """Name of the Secret that keeps what there was."""
        return f"{self._secret[0]}-before-{self._site.slug}"

    def describe(self) -> tuple[Command, ...]:
        """Back up, then patch. The value itself is never shown."""
        name, key = self._secret
        where = f"{self._to[0]}:{self._to[1]}" if self._to else "<restored server>"
        body = f"""'{{"data":{{"{key}":"<the same with {where}, base64>"}}}}'"""
        copy = self._site.kubectl(
            "create secret generic", self.backup, f"--from-literal={key}=<what {name} holds under {key}>"
        )
        return (
            Command(text=copy, what="the old connection stays in the cluster"),
            Command(text=self._site.kubectl("patch secret", name, "--type=merge -p", body), what=f"leads to {where}"),
        )

    async def run(self, report: Report) -> str:
        """Back up and patch. Raises OperationError, naming the source where the Secret is somebody else's."""
        assert self._to is not None  # only a described operation has no place to lead to
        kube, (name, key) = self._site.live.kube, self._secret
        try:
            secret = await kube.get("secrets", name)
            await self._keep(secret)
            if why := _ruled(secret):
                host, port = self._to
                raise OperationError(
                    f"Secret {name} is written by {why}: change its source so that {key} leads to {host}:{port}, wait "
                    "until it is synced, then try the stage again"
                )
            text = base64.b64decode(secret["data"][key]).decode()
            self._site.live.redactor.register(text)
            encoded = base64.b64encode(self._changed(text).encode()).decode()
            await kube.patch("secrets", name, {"data": {key: encoded}})
        except KubeError as error:
            raise OperationError(f"Secret {name} cannot be changed: {error}") from error
        return f"{name} leads to {self._to[0]}:{self._to[1]}; what it held is in {self.backup}"

    async def _keep(self, secret: Mapping[str, Any]) -> None:
        """Keep what was there; a backup that is there already is the older, and so the right one."""
        mark = {"tier": "airflow", "release": self._site.release, "migration-cockpit/session": self._site.slug}
        metadata = {"name": self.backup, "labels": mark}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": dict(secret.get("data") or {})}
        try:
            await self._site.live.kube.create("secrets", body)
        except KubeError as error:
            if not error.conflict:
                raise

    def _changed(self, text: str) -> str:
        assert self._to is not None
        host, port = self._to
        if self._secret[1] != POOLER_FILE:
            return self._site.live.redactor.register(moved(text, host, port))
        return pooled_elsewhere(text, pooled_at(text, self._site.release), self._to)

    async def observe(self) -> Observation:
        """Where the Secret leads."""
        name, key = self._secret
        try:
            text = self._site.live.redactor.register(await self._site.live.kube.secret(name, key))
        except KubeError as error:
            if not error.missing:
                raise
            return Observation(Status.NOT_STARTED, f"there is no Secret {name}")
        host, port = pooled_at(text, self._site.release) if key == POOLER_FILE else place_of(text)
        there = (host, port) == self._to
        return Observation(Status.DONE if there else Status.NOT_STARTED, f"{name} leads to {host}:{port}")


def pooled_at(text: str, release: str) -> tuple[str, int]:
    """Host and port to which a pgbouncer.ini leads for the metadata database: the chart's alias, else the first one."""
    places = {found["alias"]: _pooled(found["given"]) for found in _ALIAS.finditer(text)}
    return places.get(f"{release}-metadata") or next(iter(places.values()), ("", 0))


def pooled_elsewhere(text: str, old: tuple[str, int], to: tuple[str, int]) -> str:
    """A pgbouncer.ini whose aliases of one server lead to another one; a result backend elsewhere stays where it is."""

    def point(found: re.Match[str]) -> str:
        line = found[0]
        if _pooled(found["given"]) != old:
            return line
        had_port = _PORT.search(line) is not None
        line = _HOST.sub(f"host={to[0]}" + ("" if had_port else f" port={to[1]}"), line)
        return _PORT.sub(f"port={to[1]}", line)

    return _ALIAS.sub(point, text)


def _pooled(given: str) -> tuple[str, int]:
    host, port = _HOST.search(given), _PORT.search(given)
    return host[1] if host else "", int(port[1]) if port else 5432


def _ruled(secret: Mapping[str, Any]) -> str:
    """Who writes a Secret, so that a change of it would be undone; empty for Helm's own and for nobody."""
    for owner in secret["metadata"].get("ownerReferences") or []:
        if owner.get("kind") == "ExternalSecret":
            return f"ExternalSecret {owner.get('name')}"
    told = annotations_of(secret).get("reconcile.external-secrets.io/data-hash")
    return "External Secrets" if told else ""


async def pooler_secret(site: Site) -> tuple[str, str] | None:
    """The Secret with PgBouncer's configuration, where the release runs one. Raises WorldError."""
    if not any(pod.component == "pgbouncer" for pod in await cluster.pods(site)):
        return None
    for item in await site.live.kube.list("deployments", label=f"{site.selector},component=pgbouncer"):
        for volume in item["spec"]["template"]["spec"].get("volumes") or []:
            if found := (volume.get("secret") or {}).get("secretName"):
                return str(found), POOLER_FILE
    raise WorldError("the release runs PgBouncer and the Secret of its configuration is not to be found")
