"""API consumers, monitors or logins fail: what answers at which path, whether a token is given, who calls what is
gone."""

from __future__ import annotations

from collections import Counter

from migration_cockpit.connections.errors import AirflowError, one_line
from migration_cockpit.playbook.guided.shape import Scene, some
from migration_cockpit.playbook.prepare.consumers import calls
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen

PATHS = ("/api/v2/version", "/api/v2/monitor/health", "/api/v1/health", "/health")
GONE = ("/api/v1/health", "/health")
SECONDS = 5.0
WEB = ("api-server", "webserver")


async def answers(scene: Scene) -> Seen:
    """What the paths of 2.x and of 3.x answer now."""
    import httpx

    http, base = await scene.connections.http(), scene.settings.airflow.url.rstrip("/")
    found, codes = [], {}
    for path in PATHS:
        try:
            answer = await http.get(f"{base}{path}", timeout=SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            found.append(f"{path}: no answer, {one_line(error)}")
            continue
        codes[path] = answer.status_code
        said = " ".join(answer.text.split())[:100] if answer.status_code >= 400 else ""
        found.append(f"{path}: {answer.status_code}" + (f" {said}" if said else ""))
    if not codes:
        return Seen(
            FAILS, tuple(found), "nothing answers at airflow.url: is the api-server ready, and its Service there?"
        )
    if codes.get("/api/v2/version") != 200 and codes.get("/api/v1/health") == 200:
        mend = "right before the cut-over; after it the ingress still leads to the webserver: ingress.apiServer"
        return Seen(UNKNOWN, ("2.x answers", *found), mend)
    if codes.get("/api/v2/version") != 200:
        return Seen(
            FAILS, tuple(found), "3.x does not answer: the ingress may still lead to the webserver (ingress.apiServer)"
        )
    if any(codes.get(path, 404) < 400 for path in GONE):
        return Seen(HOLDS, tuple(found))
    text = "3.x answers; /api/v1 and /health are gone for good: consumers move to /api/v2 and /api/v2/monitor/health"
    return Seen(HOLDS, (*found, text))


async def token(scene: Scene) -> Seen:
    """Whether the cockpit's own account gets in, as a consumer does."""
    airflow = scene.connections.airflow
    try:
        version = await airflow.version()
        await airflow.login()
        count = await airflow.dag_count()
    except AirflowError as error:
        mend = "is the auth manager the one of before, and was the FAB schema migrated? (failures simple-auth-manager)"
        return Seen(FAILS, (f"{one_line(error)}",), mend)
    return Seen(HOLDS, (f"Airflow {version} lets the account of airflow.username in and shows {count} DAGs",))


async def callers(scene: Scene) -> Seen:
    """Who asks for /api/v1 or /health, by the web server's last lines."""
    found: Counter[tuple[str, str]] = Counter()
    looked = 0
    for component in WEB:
        for _, lines in await scene.lines(component):
            looked += len(lines)
            for line in lines:
                found.update(calls(line))
    if not looked:
        return Seen(UNKNOWN, ("no line of a web server's log could be read",), "look into the ingress' access log")
    if not found:
        return Seen(HOLDS, (f"nobody does in the last {looked} lines",))
    told = [f"{client}: {count} times {path}" for (client, path), count in found.most_common(6)]
    return Seen(FAILS, tuple(told), "move each to /api/v2 with a token; apache-airflow-client 3.x is the client for it")


async def log(scene: Scene) -> Seen:
    """What the web server's last lines show."""
    logs = [pair for component in WEB for pair in await scene.lines(component)]
    if not logs:
        return Seen(UNKNOWN, ("no web server runs",), "see its pods")
    known = [told for name, lines in logs for told in scene.told(lines, "log", f"pod {name}")]
    if known:
        return Seen(FAILS, tuple(known), "each names its mend; migration-cockpit failures ID has the commands")
    return Seen(HOLDS, (f"no known failure shows in the last lines of {some(name for name, _ in logs)}",))
