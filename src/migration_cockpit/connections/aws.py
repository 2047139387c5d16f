"""AWS through boto3: clients with short time-outs, one identity, and the sentence that refuses Aurora."""

from __future__ import annotations

import gzip
import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from migration_cockpit.config import Rds
from migration_cockpit.connections.errors import NotSupported, Unreachable, one_line
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.session.redact import Remember, forget

CONNECT_SECONDS = 3
READ_SECONDS = 20
ATTEMPTS = 2
SHORTEST_SECRET = 16
"""AWS's own have 40 characters; what emulators take (`test`) is an ordinary word."""


class Aws:
    """One session of one profile in one region. boto3 is imported at the first use, on a thread."""

    def __init__(self, settings: Rds, remember: Remember = forget) -> None:
        """`remember` is told the secret parts of the credentials."""
        self._settings = settings
        self._remember = remember
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    async def client(self, service: str) -> Any:
        """The boto3 client of a service (`rds`, `cloudwatch`, `sts`): its calls block. Raises Unreachable."""
        return await in_thread(self._client, service)

    async def call(self, service: str, operation: str, **arguments: Any) -> Any:
        """Call `operation` (boto3's method name) on a thread and return its answer.

        Raises Unreachable where AWS cannot be asked; botocore's ClientError, an answer, passes through.
        """
        return await in_thread(self._call, service, operation, arguments)

    def _call(self, service: str, operation: str, arguments: dict[str, Any]) -> Any:
        client = self._client(service)
        from botocore.exceptions import BotoCoreError
        from botocore.parsers import ResponseParserError

        try:
            return getattr(client, operation)(**arguments)
        except BotoCoreError as error:
            raise unreachable(error) from error
        except ResponseParserError as error:
            # Its text quotes the whole answer: a gateway's page, perhaps.
            raise Unreachable("AWS", f"the answer to {operation} is none of AWS's", "check rds.endpoint_url") from error

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._connect(service)
            return self._clients[service]

    def _connect(self, service: str) -> Any:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        settings = self._settings
        try:
            if self._session is None:
                self._session = boto3.session.Session(
                    botocore_session=_lean_session(), profile_name=settings.profile, region_name=settings.region
                )
            client = self._session.client(service, endpoint_url=settings.endpoint_url, config=config)
            self._remember_credentials()
        except (BotoCoreError, ValueError) as error:
            raise unreachable(error) from error
        return client

    def _remember_credentials(self) -> None:
        credentials = self._session.get_credentials()
        if credentials is None:
            return
        frozen = credentials.get_frozen_credentials()
        for secret in (frozen.secret_key, frozen.token):
            if secret and len(secret) >= SHORTEST_SECRET:
                self._remember(secret)

    async def expiry(self) -> datetime | None:
        """When the session's credentials end; None for those that do not (access keys) or renew themselves."""
        return await in_thread(self._expiry)

    def _expiry(self) -> datetime | None:
        self._client("sts")
        credentials = self._session.get_credentials()
        if credentials is None:
            mend = "aws sso login, or set rds.profile"
            raise Unreachable("AWS", "no credentials were found", mend)
        # botocore has no public name for it; access keys have no such attribute at all.
        at = getattr(credentials, "_expiry_time", None)
        return at.astimezone(UTC) if isinstance(at, datetime) else None

    async def identity(self) -> str:
        """The ARN of whoever the cockpit is for AWS. Raises Unreachable, also when the credentials are refused."""
        return await in_thread(self._identity)

    def _identity(self) -> str:
        from botocore.exceptions import ClientError

        try:
            return str(self._call("sts", "get_caller_identity", {})["Arn"])
        except ClientError as error:
            raise refused(error) from error

    async def instance(self, name: str) -> dict[str, Any]:
        """describe_db_instances of one instance, Aurora refused. Raises Unreachable or NotSupported."""
        return await in_thread(self._instance, name)

    def _instance(self, name: str) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        try:
            answer = self._call("rds", "describe_db_instances", {"DBInstanceIdentifier": name})
        except ClientError as error:
            raise refused(error) from error
        found: dict[str, Any] = answer["DBInstances"][0]
        require_postgres_rds(found)
        return found


USED = frozenset({"rds", "monitoring", "sts", "iam", "portal.sso", "oidc", "signin"})
"""AWS's names of the endpoints that calls go to, those that lead to credentials among them; `monitoring` is
CloudWatch's."""


def _lean_session() -> Any:
    """A session that keeps no documentation of AWS's services, nor where all of them are: that is most of what clients
    take of the memory."""
    import botocore.session
    from botocore.loaders import JSONFileLoader

    class Lean(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
        def load_file(self, file_path: str) -> Any:
            for ending, opened in ((".json", open), (".json.gz", gzip.open)):
                if (path := Path(file_path + ending)).is_file():
                    with opened(path, "rb") as file:
                        content = file.read()
                    if path.name == "endpoints.json":
                        return _of_used(content)
                    return json.loads(content, object_pairs_hook=_without_documentation)
            return None

    session = botocore.session.Session()
    session.get_component("data_loader").file_loader = Lean()
    return session


def _of_used(endpoints: bytes) -> dict[str, Any]:
    """AWS's regions with the endpoints of the services that are called. Of others botocore takes the usual name."""
    found = msgspec.json.decode(endpoints, type=dict[str, msgspec.Raw])
    partitions = []
    for each in msgspec.json.decode(found.pop("partitions"), type=list[dict[str, msgspec.Raw]]):
        services = msgspec.json.decode(each.pop("services"), type=dict[str, msgspec.Raw])
        partitions.append(
            _read(each) | {"services": _read({name: services[name] for name in services if name in USED})}
        )
    return _read(found) | {"partitions": partitions}


def _read(found: dict[str, msgspec.Raw]) -> dict[str, Any]:
    return {name: msgspec.json.decode(each) for name, each in found.items()}


def _without_documentation(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a model without its text; a member that is called so is no text."""
    return {name: each for name, each in pairs if name != "documentation" or not isinstance(each, str)}


def require_postgres_rds(instance: dict[str, Any]) -> None:
    """Raise NotSupported, in one sentence, for an instance that is not RDS for PostgreSQL."""
    name, engine = instance.get("DBInstanceIdentifier", ""), instance.get("Engine", "")
    if engine.startswith("aurora"):
        raise NotSupported(
            "RDS",
            f"{name} is Aurora ({engine}), whose snapshots belong to the cluster: the cockpit flies RDS for PostgreSQL",
        )
    if engine != "postgres":
        raise NotSupported("RDS", f"{name} runs {engine}, and the cockpit flies migrations on PostgreSQL only")


def unreachable(error: BaseException) -> Unreachable:
    """A botocore failure without an answer, with its mend where it is known."""
    kind = type(error).__name__
    mends = {
        "NoCredentialsError": "aws sso login, or set rds.profile",
        "PartialCredentialsError": "complete the credentials of rds.profile",
        "ProfileNotFound": "check rds.profile",
        "SSOTokenLoadError": "aws sso login",
        "UnauthorizedSSOTokenError": "aws sso login",
        "TokenRetrievalError": "aws sso login",
        "EndpointConnectionError": "check rds.region, rds.endpoint_url and the network",
    }
    return Unreachable("AWS", one_line(error), mends.get(kind, ""))


def refused(error: Any) -> Unreachable:
    """A botocore ClientError as a failure in words."""
    told = error.response.get("Error", {})
    code = told.get("Code", "")
    mend = ""
    if code in {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}:
        mend = "renew the session (aws sso login)"
    elif code in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}:
        mend = "the cockpit's identity needs this permission"
    elif code == "DBInstanceNotFound":
        mend = "check rds.instance and rds.region"
    return Unreachable("AWS", f"{error.operation_name}: {told.get('Message', '')} ({code})", mend)
