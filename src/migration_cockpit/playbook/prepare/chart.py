"""6 chart and values for the target: they render, say one version, pin what the chart would draw anew, and hold no key
that 3.x ignores; every Secret, ConfigMap and claim that the render refers to is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from migration_cockpit.connections import KubeError
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where, together
from migration_cockpit.playbook.prepare.values import Values, at, merged
from migration_cockpit.session.words import plural

RENAMED = {
    "webserver.webserverConfig": "apiServer.apiServerConfig",
    "webserver.webserverConfigConfigMapName": "apiServer.apiServerConfigConfigMapName",
    "webserver.defaultUser": "createUserJob.defaultUser and createUserJob.enabled",
    "webserver.networkPolicy": "apiServer.networkPolicy",
    "webserver": "apiServer: the whole block is ignored with 3.x, without a word",
    "ingress.web": "ingress.apiServer: with 3.x no Ingress is rendered",
    "webserverSecretKey": "apiSecretKey",
    "webserverSecretKeySecretName": "apiSecretKeySecretName",
    "config.webserver": "config.api and config.fab: run airflow config lint",
    "config.core.sql_alchemy_conn": "config.database.sql_alchemy_conn",
}
"""Keys of 2.11 that 3.x ignores, and where they went; of a block and its keys the keys stand first."""
RENAMED_ENV = {
    "AIRFLOW__WEBSERVER__SECRET_KEY": "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__WEBSERVER__BASE_URL": "AIRFLOW__API__BASE_URL",
    "AIRFLOW__API__AUTH_BACKENDS": "the auth manager: 3.x takes tokens",
    "AIRFLOW__CORE__SQL_ALCHEMY_CONN": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
}
REMOVED_EXECUTORS = ("CeleryKubernetesExecutor", "LocalKubernetesExecutor", "SequentialExecutor")
PINNED = {
    "the JWT secret": ("jwtSecretName", "jwtSecret"),
    "the API's secret key": ("apiSecretKeySecretName", "apiSecretKey"),
    "the Fernet key": ("fernetKeySecretName", "fernetKey"),
}
"""Secrets that the chart draws anew (the Fernet key: at a fresh install), and the values that pin them."""
SHOWN = 6
RENDER_SECONDS = 60.0
_PLURALS = {"Secret": "secrets", "ConfigMap": "configmaps", "PersistentVolumeClaim": "persistentvolumeclaims"}
_REFERENCES = {
    "secretKeyRef": ("Secret", ("name",)),
    "secretRef": ("Secret", ("name",)),
    "secret": ("Secret", ("secretName", "name")),
    "configMapKeyRef": ("ConfigMap", ("name",)),
    "configMapRef": ("ConfigMap", ("name",)),
    "configMap": ("ConfigMap", ("name",)),
    "persistentVolumeClaim": ("PersistentVolumeClaim", ("claimName",)),
}
"""By the key of a pod's spec that refers to something: what it is, and where its name may stand. A projected volume has
a Secret's under `name`."""
_POD_TEMPLATE = "pod_template_file.yaml"


async def look(where: Where) -> Seen:
    """Keys, versions, pins, the render and what it refers to."""
    values = await in_thread(merged, where.settings.helm.values)
    if isinstance(values, str):
        return Seen(FAILS, (values,), "correct helm.values")
    target = where.settings.deployment.target_version
    return together([_versions(values, target), _keys(values), _pins(values), await _render(where)])


def _versions(values: Values, target: str) -> Seen:
    version, tag = (
        str(at(values, "airflowVersion")),
        at(values, "images.airflow.tag") or at(values, "defaultAirflowTag"),
    )
    wrong = [] if version == target else [f"airflowVersion is {version}, the target is {target}"]
    if tag is not None and not str(tag).startswith(target):
        wrong.append(f"the image's tag is {tag}, airflowVersion {version}")
    if wrong:
        return Seen(FAILS, tuple(wrong), "all decisions of the chart rest on airflowVersion: both must say the target")
    return Seen(HOLDS, (f"airflowVersion {version}, image tag {tag or 'by digest or default'}",))


def old_keys(values: Values) -> list[str]:
    """What the values hold that 3.x ignores or does not have, with its new name."""
    found: list[str] = []
    for path, now in RENAMED.items():
        given = at(values, path)
        if given in (None, {}, [], "") or (path == "webserver" and not _left(given)):
            continue
        found.append(f"{path} → {now}")
    found += [f"env {name} → {now}" for name, now in RENAMED_ENV.items() if name in _names(values)]
    if at(values, "dagProcessor.enabled") is False:
        found.append("dagProcessor.enabled: false → remove it: in 3.x nothing else parses")
    executors = str(at(values, "executor") or "").split(",")
    for executor in REMOVED_EXECUTORS:
        if executor in executors:
            found.append(f"executor {executor} → CeleryExecutor,KubernetesExecutor or LocalExecutor")
    return found


def _left(webserver: Any) -> bool:
    """Whether the block has more than the keys that are named by themselves."""
    own = {path.partition(".")[2] for path in RENAMED if path.startswith("webserver.")}
    return isinstance(webserver, dict) and bool(set(webserver) - own)


def _names(values: Values) -> set[str]:
    return {str(each.get("name")) for each in at(values, "env") or () if isinstance(each, dict)}


def _keys(values: Values) -> Seen:
    found = old_keys(values)
    if found:
        return Seen(FAILS, tuple(found), "move them to their new names in the values for 3.x")
    return Seen(HOLDS, ("no key in the values that 3.x ignores",))


def _pins(values: Values) -> Seen:
    loose = [
        f"{what} is not pinned ({keys[0]})" for what, keys in PINNED.items() if not any(at(values, k) for k in keys)
    ]
    if loose:
        mend = "keep each in a Secret of your own and name it: the chart draws a new one at every upgrade"
        return Seen(FAILS, tuple(loose), mend)
    return Seen(HOLDS, ("the secrets that the chart would draw anew are pinned",))


async def _render(where: Where) -> Seen:
    helm, release = where.settings.helm, where.settings.kubernetes.release
    files = [word for name in helm.values for word in ("-f", name)]
    words = ["template", release, helm.chart, "--version", helm.chart_version, "--is-upgrade", *files, *helm.arguments]
    try:
        ran = await where.place.connections.helm(*words, timeout=RENDER_SECONDS)
    except TimeoutError:
        return Seen(UNKNOWN, (f"helm template did not end within {RENDER_SECONDS:.0f} s",))
    if ran.code:
        said = " ".join((ran.err or ran.out).split())[:300]
        return Seen(FAILS, (f"the chart does not render: {said}",), "correct the values file")
    documents = await in_thread(_documents, ran.out)
    made = {(each["kind"], each["metadata"]["name"]) for each in documents if not _only_at_install(each)}
    needed = {each for document in documents for each in needs(document)}
    missing = []
    for kind, name in sorted(needed - made):
        try:
            if await where.place.connections.kube.find(_PLURALS[kind], name) is None:
                missing.append(f"{kind} {name}")
        except KubeError as error:
            mend = "grant get on secrets, configmaps and persistentvolumeclaims in the namespace"
            return Seen(UNKNOWN, (f"whether {kind} {name} exists cannot be read: {error.message}",), mend)
    if missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        text = f"the render refers to what is not there: {', '.join(missing[:SHOWN])}{more}"
        return Seen(FAILS, (text,), "make them, or point the values at those that exist; never make a new Fernet key")
    counts = Counter(kind for kind, _ in needed)
    all_there = ", ".join(plural(counts[kind], kind) for kind in _PLURALS if counts[kind])
    return Seen(
        HOLDS,
        (f"chart {helm.chart_version} renders {len(documents)} objects; what they refer to exists: {all_there}",),
    )


def _documents(text: str) -> list[dict[str, Any]]:
    import yaml

    found = [each for each in yaml.safe_load_all(text) if isinstance(each, dict) and each.get("metadata")]
    for each in found:
        template = (each.get("data") or {}).get(_POD_TEMPLATE) if each.get("kind") == "ConfigMap" else None
        if template:  # the KubernetesExecutor's pods are made of it: what it refers to, they cannot start without
            each["podTemplate"] = yaml.safe_load(template)
    return found


def _only_at_install(document: dict[str, Any]) -> bool:
    """Whether an upgrade never makes it: the chart's Fernet, Redis and broker Secrets are such hooks."""
    hooks = str((document["metadata"].get("annotations") or {}).get("helm.sh/hook", "")).split(",")
    return "pre-install" in hooks and "pre-upgrade" not in hooks


def needs(value: Any) -> Iterator[tuple[str, str]]:
    """(kind, name) of every Secret, ConfigMap and claim that an object cannot start without, wherever it says so."""
    if isinstance(value, dict):
        for key, inner in value.items():
            kind, names = _REFERENCES.get(key, ("", ()))
            named = next((inner[each] for each in names if each in inner), None) if isinstance(inner, dict) else None
            if isinstance(named, str):
                if not inner.get("optional"):
                    yield kind, named
            elif key == "imagePullSecrets" and isinstance(inner, list):
                yield from (
                    ("Secret", str(each["name"])) for each in inner if isinstance(each, dict) and "name" in each
                )
            else:
                yield from needs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from needs(inner)
