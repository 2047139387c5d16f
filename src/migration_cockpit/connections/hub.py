"""Connections: how each outside system is reached; opened at the first use, closed surely."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from migration_cockpit.config import SecretRef, Settings
from migration_cockpit.connections import grafana, helm, lean, postgres, secrets
from migration_cockpit.connections.airflow import AirflowApi
from migration_cockpit.connections.aws import Aws
from migration_cockpit.connections.credentials import jwt_expiry
from migration_cockpit.connections.errors import KubeError, Unreachable, one_line
from migration_cockpit.connections.kube import Kube
from migration_cockpit.connections.kube_api import Executed, decode_secret
from migration_cockpit.connections.port_forward import PortForward
from migration_cockpit.connections.releases import Releases
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.redact import Redactor, of_environment

if TYPE_CHECKING:
    import httpx
    import psycopg
    from prometheus_api_client import PrometheusConnect

AGENT = "migration-cockpit"
"""What its HTTP calls say they are: in access logs it is nobody's script."""
PROMETHEUS_SECONDS = 2.0
SLACK_SECONDS = 10.0
SHORTEST_UNASKED = 12
"""Characters of a Secret's value that nobody asked for, from which it is masked."""
HEAVY = ("psycopg", "kubernetes.config", "kubernetes.client", "httpx", "prometheus_api_client", "boto3", "yaml")
"""What takes long to import, in the order in which the first panes need it."""


class Connections:
    """The outside systems of one deployment."""

    def __init__(self, settings: Settings, redactor: Redactor, clock: Clock) -> None:
        self.settings = settings
        self.redactor = redactor
        self.clock = clock
        redactor.register_all((*secrets.in_settings(settings), *of_environment()))
        self.kube = Kube(settings.kubernetes, redactor.register)
        self.releases = Releases(self.kube, settings.kubernetes.release, redactor.register_values)
        self.airflow = AirflowApi(settings.airflow, self.http, self._airflow_password, redactor.register)
        self._aws = Aws(settings.rds, redactor.register) if settings.rds else None
        self._http: httpx.AsyncClient | None = None
        self._prometheus: PrometheusConnect | None = None
        self._forward: PortForward | None = None
        self._forwarded: tuple[str, int] | None = None
        self._secrets: dict[SecretRef, str] = {}
        self._lock = asyncio.Lock()
        self.led_to: tuple[str, int] | None = None
        """Where the metadata database is by now, when the DSN still names the server that it was on."""

    async def warm(self) -> None:
        """Import the heavy packages on a thread; the cockpit calls it after its first paint."""
        for name in HEAVY:
            await in_thread(lean.load, name)

    async def close(self) -> None:
        """Let go of everything. No method may be called afterwards."""
        if self._http is not None:
            await self._http.aclose()
        if self._forward is not None:
            await in_thread(self._forward.close)
        await self.kube.close()

    # -- secrets

    async def secret(self, ref: SecretRef) -> str:
        """A secret, read anew and known to the redactor. Raises Unreachable."""
        text = await secrets.read(ref, self.kube, self.redactor)
        self._secrets[ref] = text
        return text

    async def _remembered(self, ref: SecretRef) -> str:
        return self._secrets.get(ref) or await self.secret(ref)

    async def remember_secrets(self) -> None:
        """Make known to the redactor what is in the namespace's Secrets: any command's output may hold it.

        Short values are left out, for they are words. Not being allowed to list them is no failure.
        """
        try:
            found = await self.kube.list("secrets", field="type=Opaque")
        except KubeError:
            return
        for each in found:
            for data in (each.get("data") or {}).values():
                with suppress(ValueError):
                    text = decode_secret(data).decode("utf-8").strip()
                    if len(text) >= SHORTEST_UNASKED and len(text.split()) == 1:
                        self.redactor.register(text)

    def forget_secrets(self) -> None:
        """Read every secret anew at its next use, when one was refused."""
        self._secrets.clear()
        self._prometheus = None

    async def _airflow_password(self) -> str:
        return await self._remembered(self.settings.airflow.password)

    # -- Postgres

    async def dsn(self, *, direct: bool = False) -> str:
        """The DSN of the metadata database, PostgreSQL for sure; `direct` is the one the migration Job goes by."""
        given = self.settings.postgres
        ref = given.direct_dsn if direct and given.direct_dsn else given.dsn
        dsn = self.redactor.register(postgres.check_dsn(await self._remembered(ref)))
        # A password inside key=value pairs is a secret on its own too; a URL's the redactor finds by itself.
        if password := (await in_thread(postgres.parameters, dsn)).get("password"):
            self.redactor.register(str(password))
        return dsn

    async def connect_postgres(
        self,
        *,
        write: bool = False,
        plain: bool = False,
        at: tuple[str, int] | None = None,
        database: str = "",
        dsn: str = "",
        statement_timeout_ms: int = postgres.STATEMENT_TIMEOUT_MS,
    ) -> psycopg.AsyncConnection[Any]:
        """A session that the caller closes; sources keep one for as long as it holds. Raises Unreachable.

        `at` another server and `database` another database than the DSN's; `dsn` another account than the cockpit's.
        """
        at = at or (None if dsn else self.led_to)
        given = dsn or await self.dsn()
        try:
            return await postgres.connect(
                given,
                write=write,
                plain=plain,
                forwarded=None if at else await self._forwarding(),
                at=at,
                database=database,
                statement_timeout_ms=statement_timeout_ms,
            )
        except Unreachable:
            # The Secret may name another server by now, or hold another password.
            self._secrets.pop(self.settings.postgres.dsn, None)
            raise

    @asynccontextmanager
    async def postgres(
        self,
        *,
        write: bool = False,
        plain: bool = False,
        at: tuple[str, int] | None = None,
        database: str = "",
        dsn: str = "",
        statement_timeout_ms: int = postgres.STATEMENT_TIMEOUT_MS,
    ) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A session for a while: autocommit, read-only unless `write`, short time-outs (the server's own if `plain`).

        `at`, `database` and `dsn` as for connect_postgres. Raises Unreachable.
        """
        connection = await self.connect_postgres(
            write=write, plain=plain, at=at, database=database, dsn=dsn, statement_timeout_ms=statement_timeout_ms
        )
        try:
            yield connection
        finally:
            await connection.close()

    async def _forwarding(self) -> tuple[str, int] | None:
        target = self.settings.postgres.port_forward
        if target is None:
            return None
        async with self._lock:
            if self._forwarded is None:
                self._forward = PortForward(self.kube.api, self.kube.namespace, target)
                self._forwarded = await in_thread(self._forward.start)
            return self._forwarded

    # -- AWS

    async def aws_call(self, service: str, operation: str, **arguments: Any) -> Any:
        """One AWS call on a thread; botocore's ClientError passes through. Raises Unreachable."""
        return await self._rds().call(service, operation, **arguments)

    async def aws_identity(self) -> str:
        """The ARN that the cockpit has. Raises Unreachable."""
        return await self._rds().identity()

    async def rds_instance(self) -> dict[str, Any]:
        """The RDS instance as described by AWS. Raises Unreachable, NotSupported for Aurora."""
        aws = self._rds()
        assert self.settings.rds is not None  # there is no Aws without it
        return await aws.instance(self.settings.rds.instance)

    def _rds(self) -> Aws:
        if self._aws is None:
            raise Unreachable("AWS", "the config names no RDS instance", "add the table [rds]")
        return self._aws

    # -- HTTP

    async def http(self) -> httpx.AsyncClient:
        """The one HTTP client."""
        if self._http is None:
            module = await in_thread(importlib.import_module, "httpx")
            # Making a client reads the CA bundle, which takes tens of milliseconds.
            made = await in_thread(partial(module.AsyncClient, headers={"User-Agent": AGENT}))
            if self._http is None:
                self._http = made
        assert self._http is not None  # set just above
        return self._http

    async def prometheus(self) -> PrometheusConnect:
        """Prometheus behind Grafana's datasource proxy; its methods block. Raises Unreachable."""
        grafana = self.settings.grafana
        if grafana is None:
            raise Unreachable("Grafana", "the config names no Grafana", "add the table [grafana]")
        if self._prometheus is None:
            token = await self._remembered(grafana.token) if grafana.token else ""
            url = f"{grafana.url.rstrip('/')}/api/datasources/proxy/uid/{grafana.datasource_uid}"
            module = await in_thread(importlib.import_module, "migration_cockpit.connections.prometheus")
            self._prometheus = await in_thread(module.connect, url, token, PROMETHEUS_SECONDS)
        return self._prometheus

    async def grafana_call(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> Any:
        """One call of Grafana's own API. Raises Unreachable, GrafanaRefused for a no."""
        settings = self.settings.grafana
        if settings is None:
            raise Unreachable("Grafana", "the config names no Grafana", "add the table [grafana]")
        token = await self._remembered(settings.token) if settings.token else ""
        try:
            return await grafana.call(await self.http(), settings.url, token, method, path, params=params, body=body)
        except grafana.GrafanaRefused as error:
            if error.status == 401 and settings.token is not None:
                self._secrets.pop(settings.token, None)  # it may have been renewed since it was read
            raise

    async def slack_post(self, text: str) -> None:
        """Post a message. Raises Unreachable with Slack's own words when it is not taken."""
        slack = self.settings.slack
        if slack is None:
            raise Unreachable("Slack", "the config names no webhook", "add the table [slack]")
        webhook = await self._remembered(slack.webhook)
        http = await self.http()
        import httpx  # imported by http()

        try:
            response = await http.post(webhook, json={"text": text}, timeout=SLACK_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable("Slack", self.redactor.clean(one_line(error))) from None
        if response.status_code != 200:
            self._secrets.pop(slack.webhook, None)
            mend = "check slack.webhook" if response.status_code in (403, 404, 410) else ""
            raise Unreachable("Slack", f"answered {response.status_code} {response.text[:80].strip()}", mend)
        if not _taken(response.text):
            # A gateway or a captive portal answers 200 to anything.
            raise Unreachable("Slack", f"answered 200, but not ok: {_shown(response.text)}", "check slack.webhook")

    # -- Helm

    async def helm(self, *arguments: str, on_line: helm.LineHandler | None = None, timeout: float = 120.0) -> Executed:
        """Run the user's helm in the right context and namespace. Raises Unreachable or TimeoutError."""
        for name in self.settings.helm.values:
            # helm quotes a line of a values file that it cannot read.
            self.redactor.register_all(await in_thread(secrets.in_values_file, name))
        return await helm.run(self.settings, arguments, on_line=on_line, timeout=timeout)

    # -- credentials

    async def credentials(self) -> dict[str, datetime]:
        """When each credential that does end ends, by name. What cannot be read is left out: its source says why."""
        found: dict[str, datetime | None] = {}
        try:
            found["kube"] = await self.kube.expiry()
        except KubeError:
            found["kube"] = None
        if self._aws is not None:
            try:
                found["aws"] = await self._aws.expiry()
            except Unreachable:
                found["aws"] = None
        grafana = self.settings.grafana
        if grafana is not None and grafana.token is not None:
            try:
                found["grafana"] = jwt_expiry(await self._remembered(grafana.token))
            except Unreachable:
                found["grafana"] = None
        return {name: at.astimezone(UTC) for name, at in found.items() if at is not None}


def _shown(answer: str) -> str:
    """The first words of an answer that nobody expected, fit for a line of a screen."""
    return " ".join("".join(each if each.isprintable() else " " for each in answer[:60]).split())


def _taken(answer: str) -> bool:
    """Whether a webhook says that it took a message: Slack's and Mattermost's `ok`, or JSON that says ok or success."""
    if answer.strip().lower() == "ok":
        return True
    try:
        said = json.loads(answer)
    except ValueError:
        return False
    return isinstance(said, dict) and True in (said.get("ok"), said.get("success"))
