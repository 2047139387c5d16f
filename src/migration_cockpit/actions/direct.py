"""The way past PgBouncer: the server's own address out of PgBouncer's configuration, the account out of Airflow's DSN.

With PgBouncer the chart's metadata Secret names the pooler and an alias; the server itself stands only in the Secret of
PgBouncer's configuration. A migration goes there directly where that can be told: a pool in transaction mode has no
session settings and may be too small.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from migration_cockpit.actions import own_connection
from migration_cockpit.actions.cluster import main_container
from migration_cockpit.actions.dial import dial
from migration_cockpit.actions.operation import OperationError
from migration_cockpit.actions.own_connection import POOLER_FILE, pooler_secret
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import KubeError, WorldError

_LINE = re.compile(r"(?m)^[ \t]*(?P<alias>[\w.*-]+)[ \t]*=[ \t]*(?P<given>.*\S)[ \t]*$")
_PAIR = re.compile(r"(\w+)[ \t]*=[ \t]*('(?:[^']|'')*'|\S+)")
_FILES = ("server_tls_ca_file", "server_tls_cert_file", "server_tls_key_file")
"""Settings of PgBouncer that name files in its own pod."""


@dataclass(frozen=True)
class Way:
    """How the migration Job reaches the database."""

    words: str
    """In a sentence's part, without secrets."""
    dsn: str | None = None
    """The composed DSN; None where the connection that the pods have is used as it is."""
    pooled: bool = False
    """Whether PgBouncer stands between."""
    silent: bool = False
    """Whether there is a direct way and it does not answer, so that the connection of the pods is taken."""


async def way(site: Site, objects: Iterable[Mapping[str, Any]] | None = None) -> Way:
    """The way that a Job of this release takes when the config names none; `objects` are a revision's, else what runs.

    Raises WorldError.
    """
    try:
        pooler = await pooler_secret(site)
    except KubeError:
        raise
    except WorldError as error:
        return Way(f"goes through PgBouncer: {error}", pooled=True)
    if pooler is None:
        return Way("the release has no PgBouncer")
    name, key = await _reference(site, objects)
    kube, redactor = site.live.kube, site.live.redactor
    try:
        given = redactor.register(await kube.secret(name, key))
        text = redactor.register(await kube.secret(*pooler))
    except KubeError as error:
        return Way(f"goes through PgBouncer: {error}", pooled=True)
    try:
        dsn = composed(given, text)
    except OperationError as error:
        return Way(f"goes through PgBouncer: from Secret {pooler[0]} the server cannot be told: {error}", pooled=True)
    if dsn is None:
        return Way(f"{name} does not lead through PgBouncer")
    parts = urlsplit(redactor.register(dsn))
    if parts.password:
        redactor.register(unquote(parts.password))
    return Way(f"goes past PgBouncer to {parts.hostname}:{parts.port}, as {pooler[0]} says", dsn)


async def tried(site: Site) -> Way:
    """The way that the migration Job takes: the direct one, where there is one and it answers from inside the cluster.

    Raises WorldError.
    """
    if site.settings.postgres.direct_dsn is not None:
        found, dsn = Way("goes by postgres.direct_dsn"), await site.live.dsn(direct=True)
    else:
        found = await way(site)
        if found.dsn is None:
            return found
        dsn = found.dsn
    answer = await dial(site, dsn)
    if answer.answers is None:
        return replace(found, words=f"{found.words}; not tried: {answer.words}")
    if answer.answers:
        return replace(found, words=f"{found.words}; it answers, {answer.words}")
    host, port = own_connection.place_of(dsn)
    pooled = await _has_pooler(site)
    instead = "through PgBouncer" if pooled else "by the connection of the pods"
    return Way(f"goes {instead}: {host}:{port} does not answer, {answer.words}", pooled=pooled, silent=True)


async def _has_pooler(site: Site) -> bool:
    try:
        return await pooler_secret(site) is not None
    except KubeError:
        raise
    except WorldError:
        return True  # it runs, and only its configuration is not to be found


async def airflow_dsn(site: Site, objects: Iterable[Mapping[str, Any]] | None = None) -> str:
    """Airflow's own account at the server itself, where that can be told; of a revision's objects, or of what runs.

    Raises WorldError.
    """
    if site.settings.postgres.direct_dsn is not None:
        return await site.live.dsn(direct=True)
    found = (await way(site, objects)).dsn
    return found or site.live.redactor.register(await site.live.kube.secret(*await _reference(site, objects)))


async def _reference(site: Site, objects: Iterable[Mapping[str, Any]] | None) -> tuple[str, str]:
    """Name and key of the Secret that the scheduler reads its connection from; the chart's by default."""
    if objects is not None:
        return own_connection.reference(site, objects)
    for resource in ("deployments", "statefulsets"):
        for item in await site.live.kube.list(resource, label=f"{site.selector},component=scheduler"):
            container = main_container(item["spec"]["template"]["spec"], "scheduler")
            if found := own_connection.secret_of(container):
                return found
    return f"{site.release}-metadata", "connection"


def composed(given: str, text: str) -> str | None:
    """The DSN past PgBouncer, of the one that leads to it and its pgbouncer.ini; None when it leads elsewhere.

    Raises OperationError where it cannot be told, with the reason and no secret in it.
    """
    parts = urlsplit(given.strip())
    aliases, settings = _read(text)
    alias = unquote(parts.path.lstrip("/"))
    target = aliases.get(alias)
    if target is None and "*" in aliases:
        target = {"dbname": alias, **aliases["*"]}
    if target is None:
        # The chart's alias ends so: then it is PgBouncer that is meant, and its file does not know it.
        if "pgbouncer" in (parts.hostname or ""):
            raise OperationError(f"{POOLER_FILE} has no database {alias}")
        return None
    if not target.get("host"):
        raise OperationError(f"{POOLER_FILE} names no host for {alias}")
    user, password = target.get("user"), target.get("password")
    if user is not None and password is None and user != unquote(parts.username or ""):
        raise OperationError(f"{POOLER_FILE} has another user for {alias} and no password")
    if files := [each for each in _FILES if settings.get(each)]:
        raise OperationError(f"{files[0]} is a file in PgBouncer's own pod")
    account = parts.netloc.rpartition("@")[0]
    if user is not None and password is not None:
        account = f"{quote(user, safe='')}:{quote(password, safe='')}"
    # How the server is spoken to is PgBouncer's setting; what the pods use leads to PgBouncer only.
    query = [(name, value) for name, value in parse_qsl(parts.query) if not name.startswith("ssl")]
    query += [("sslmode", settings["server_tls_sslmode"])] if settings.get("server_tls_sslmode") else []
    host = target["host"]
    place = f"[{host}]" if ":" in host else host
    netloc = f"{account}@{place}:{target.get('port', '5432')}"
    path = "/" + quote(target.get("dbname", alias), safe="")
    return urlunsplit(parts._replace(netloc=netloc, path=path, query=urlencode(query, quote_via=quote)))


def _read(text: str) -> tuple[Mapping[str, dict[str, str]], Mapping[str, str]]:
    """The databases of a pgbouncer.ini by alias, and its settings."""
    aliases: dict[str, dict[str, str]] = {}
    settings: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        if named := re.match(r"[ \t]*\[(\w+)\]", line):
            section = named[1]
        elif (found := _LINE.match(line)) and not line.lstrip().startswith((";", "#")):
            if section == "databases":
                aliases[found["alias"]] = {name: _plain(value) for name, value in _PAIR.findall(found["given"])}
            elif section == "pgbouncer":
                settings[found["alias"]] = found["given"]
    return aliases, settings


def _plain(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value
