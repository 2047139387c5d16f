"""Airflow's own HTTP API, of whichever generation answers at the moment.

During the migration the same URL leads to 2.x, to nothing, and then to 3.x: which one it is, is asked again whenever
an answer does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from migration_cockpit.connections.airflow_dialects import COMPONENTS, PAGE, V2, V3, Dialect
from migration_cockpit.connections.credentials import jwt_expiry
from migration_cockpit.connections.errors import AirflowError, Unreachable, one_line
from migration_cockpit.session.readings import ComponentHealth, HealthReading

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from migration_cockpit.config import Airflow

WHAT = "Airflow API"
TIMEOUT_SECONDS = 5.0
BULK_SECONDS = 60.0


@dataclass(frozen=True)
class ImportErrors:
    """DAG files that Airflow could not import: how many, and the names of the first ones."""

    total: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class Ui:
    """The answer of the web interface's first page."""

    status: int
    title: str


class AirflowApi:
    """Every method raises Unreachable when nothing answers and AirflowError for an answer that is a refusal."""

    def __init__(
        self,
        settings: Airflow,
        http: Callable[[], Awaitable[httpx.AsyncClient]],
        password: Callable[[], Awaitable[str]],
        remember: Callable[[str], str],
    ) -> None:
        """`http` gives the client, `password` the account's, `remember` tells the redactor of a new token."""
        self._settings = settings
        self._url = settings.url.rstrip("/")
        self._http = http
        self._password = password
        self._remember = remember
        self._dialect: Dialect | None = None
        self._token = ""

    # -- what it is

    async def version(self) -> str:
        """The version that answers, such as `3.2.2`. Needs no account."""
        refusals: dict[Dialect, AirflowError] = {}
        for dialect in (self._dialect or V3, V2 if (self._dialect or V3) is V3 else V3):
            response = await self._send("GET", f"{dialect.base}/version")
            if response.status_code == 200:
                try:
                    found = str(response.json()["version"])
                except (ValueError, KeyError, TypeError):
                    continue  # a login page or a proxy's own words
                if dialect is not self._dialect:
                    self._dialect, self._token = dialect, ""
                return found
            refusals[dialect] = _refusal("version", response)
        self._dialect = None
        if refusals:
            # 3.x that starts refuses both: that /api/v1 is gone (404) is no news then, why /api/v2 is not there is.
            raise max(refusals.values(), key=lambda refusal: (refusal.status != 404, refusal is refusals.get(V3)))
        raise Unreachable(WHAT, f"{self._url} does not answer like an Airflow", "check airflow.url")

    async def dialect(self) -> Dialect:
        """The generation that answers."""
        if self._dialect is None:
            await self.version()
        assert self._dialect is not None  # version() found it or raised
        return self._dialect

    async def health(self) -> HealthReading:
        """Version, and the status of each component as Airflow tells it."""
        version = await self.version()
        dialect = await self.dialect()
        response = await self._send("GET", dialect.health)
        if response.status_code != 200:
            raise _refusal("health", response)
        try:
            body = response.json()
        except ValueError:
            raise AirflowError(response.status_code, "health", "not JSON") from None
        components = []
        for name in COMPONENTS:
            told = body.get(name) or {}
            beat = told.get(dialect.heartbeat_key(name))
            heartbeat = datetime.fromisoformat(beat) if beat else None
            components.append(ComponentHealth(name=name, status=told.get("status"), heartbeat=heartbeat))
        return HealthReading(version=version, components=tuple(components))

    async def ui(self) -> Ui:
        """The first page. A 200 alone proves little: 3.x serves its shell even over a broken database."""
        response = await self._send("GET", "/", redirects=True)
        _, _, rest = response.text.partition("<title>")
        title, found, _ = rest.partition("</title>")
        return Ui(response.status_code, title.strip() if found else "")

    # -- DAGs

    async def dag_count(self) -> int:
        """How many DAGs the API shows: those that are active (2.x) or not stale (3.x)."""
        answer = await self._ask("GET", "/dags", params={"limit": 1})
        return int(answer["total_entries"])

    async def import_errors(self) -> ImportErrors:
        """DAG files that could not be imported."""
        answer = await self._ask("GET", "/importErrors", params={"limit": 20})
        files = tuple(str(item.get("filename", "")) for item in answer.get("import_errors", ()))
        return ImportErrors(int(answer["total_entries"]), files)

    async def plugins(self) -> dict[str, str]:
        """Every plugin that the web or API server has loaded, and where it is from: a file, or a package."""
        found: dict[str, str] = {}
        while True:
            answer = await self._ask("GET", "/plugins", params={"limit": PAGE, "offset": len(found)})
            given = answer.get("plugins") or ()
            found |= {str(each.get("name")): str(each.get("source") or "") for each in given}
            if not given or len(found) >= int(answer.get("total_entries") or 0):
                return found

    async def plugin_errors(self) -> tuple[str, ...]:
        """Plugins that could not be imported, with the error; nothing where this version does not tell."""
        try:
            answer = await self._ask("GET", "/plugins/importErrors")
        except AirflowError as error:
            if error.status in {404, 405}:
                return ()
            raise
        return tuple(f"{each.get('source')}: {each.get('error')}" for each in answer.get("import_errors") or ())

    async def set_paused_all(self, paused: bool) -> int:  # the one thing it is about
        """Pause or unpause every DAG in one call (3.x) or one a page (2.x); returns how many it matched."""
        dialect = await self.dialect()
        total, offset = 0, 0
        while True:
            params: dict[str, Any] = {"dag_id_pattern": dialect.pattern, "limit": PAGE, "update_mask": "is_paused"}
            if dialect.pages:
                params["offset"] = offset
            answer = await self._ask("PATCH", "/dags", params=params, body={"is_paused": paused}, timeout=BULK_SECONDS)
            total = int(answer["total_entries"])
            offset += PAGE
            if not dialect.pages or offset >= total:
                return total

    async def set_paused(self, dag_id: str, paused: bool) -> None:
        """Pause or unpause one DAG."""
        path = f"/dags/{quote(dag_id, safe='')}"
        await self._ask("PATCH", path, params={"update_mask": "is_paused"}, body={"is_paused": paused})

    async def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run, or find the one of this id; returns its state."""
        dialect = await self.dialect()
        path = f"/dags/{quote(dag_id, safe='')}/dagRuns"
        try:
            answer = await self._ask("POST", path, body=dialect.run_body(run_id, conf or {}))
        except AirflowError as error:
            if error.status != 409:
                raise
            return await self.run_state(dag_id, run_id) or "queued"
        return str(answer.get("state", "queued"))

    async def run_state(self, dag_id: str, run_id: str) -> str | None:
        """State of a run; None when there is no such run."""
        try:
            answer = await self._ask("GET", f"/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}")
        except AirflowError as error:
            if error.status == 404:
                return None
            raise
        return str(answer["state"])

    # -- the account

    async def login(self) -> None:
        """Prove that the account is good. Raises AirflowError 401 or 403 when it is not."""
        await self._ask("GET", "/dags", params={"limit": 1})

    def expiry(self) -> datetime | None:
        """When the token in use ends; None while there is none. It is fetched anew when it does."""
        return jwt_expiry(self._token)

    async def _authorization(self, dialect: Dialect) -> dict[str, Any]:
        password = await self._password()
        if not dialect.token:
            return {"auth": (self._settings.username, password)}
        if not self._token:
            account = {"username": self._settings.username, "password": password}
            response = await self._send("POST", dialect.token, json=account)
            if response.status_code not in (200, 201):
                raise _refusal("the login", response)
            self._token = self._remember(str(_json("the login", response).get("access_token") or ""))
            if not self._token:
                raise AirflowError(response.status_code, "the login", "no access_token in the answer")
        return {"headers": {"Authorization": f"Bearer {self._token}"}}

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        body: Any = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Any:
        """A call of the API proper, logged in; once more with a fresh login or generation where the answer asks so."""
        for attempt in (1, 2):
            dialect = await self.dialect()
            authorization = await self._authorization(dialect)
            url = dialect.base + path
            response = await self._send(method, url, params=params, json=body, timeout=timeout, **authorization)
            if response.status_code < 300:
                return _json(f"{method} {url}", response) if response.content else {}
            if attempt == 1 and response.status_code == 401 and self._token:
                self._token = ""
                continue
            if attempt == 1 and response.status_code in (404, 405) and await self._other_generation(dialect):
                continue
            raise _refusal(f"{method} {url}", response)
        raise AssertionError("unreachable")

    async def _other_generation(self, before: Dialect) -> bool:
        """Whether another generation answers than the one that was asked."""
        await self.version()
        return self._dialect is not before

    async def _send(
        self, method: str, path: str, *, redirects: bool = False, timeout: float = TIMEOUT_SECONDS, **how: Any
    ) -> httpx.Response:
        http = await self._http()
        import httpx  # imported by then

        try:
            return await http.request(method, self._url + path, timeout=timeout, follow_redirects=redirects, **how)
        except httpx.TimeoutException:
            raise Unreachable(WHAT, f"{self._url} does not answer within {timeout:.0f} s") from None
        except httpx.HTTPError as error:
            raise Unreachable(WHAT, f"{self._url}: {one_line(error)}") from error


def _json(call: str, response: httpx.Response) -> Any:
    """The object that was answered. Raises AirflowError for a login page or a proxy's own words."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise AirflowError(response.status_code, call, "not a JSON object: does airflow.url lead to Airflow itself?")
    return body


def _refusal(call: str, response: httpx.Response) -> AirflowError:
    """What Airflow said, in its words: 2.x `title` and `detail`, 3.x `detail` or `error`."""
    message = ""
    try:
        body = response.json()
        message = str(body.get("detail") or body.get("error") or body.get("title") or "")
    except (ValueError, AttributeError):
        pass
    return AirflowError(response.status_code, call, message or response.reason_phrase)
