"""From chart and values to manifests and hooks: the data templates see, splitting documents, helm's kind order."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from migration_cockpit.rehearsal.helm import schema
from migration_cockpit.rehearsal.helm.charts import Chart
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.template import semver, yamlish
from migration_cockpit.rehearsal.helm.template.engine import Engine
from migration_cockpit.rehearsal.helm.template.errors import FunctionError, TemplateError
from migration_cockpit.rehearsal.helm.template.nodes import Struct, Value
from migration_cockpit.rehearsal.helm.values import Values, coalesce

# Order in which helm installs kinds; a kind it does not know comes last, those among themselves by name.
INSTALL_ORDER = (
    "PriorityClass", "Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodSecurityPolicy",
    "PodDisruptionBudget", "ServiceAccount", "Secret", "SecretList", "ConfigMap", "StorageClass", "PersistentVolume",
    "PersistentVolumeClaim", "CustomResourceDefinition", "ClusterRole", "ClusterRoleList", "ClusterRoleBinding",
    "ClusterRoleBindingList", "Role", "RoleList", "RoleBinding", "RoleBindingList", "Service", "DaemonSet", "Pod",
    "ReplicationController", "ReplicaSet", "Deployment", "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob",
    "IngressClass", "Ingress", "APIService",
)  # fmt: skip
_EVENTS = frozenset({
    "pre-install", "post-install", "pre-delete", "post-delete", "pre-upgrade", "post-upgrade", "pre-rollback",
    "post-rollback", "test",
})  # fmt: skip
_SEPARATOR = re.compile(r"(?:^|\s*\n)---\s*")
_NOTES = "NOTES.txt"
# What `helm template` assumes when no cluster is asked.
DEFAULT_KUBE_VERSION = "v1.34.0"
_DEFAULT_APIS = (
    "v1", "apps/v1", "autoscaling/v1", "autoscaling/v2", "batch/v1", "coordination.k8s.io/v1", "events.k8s.io/v1",
    "networking.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1", "scheduling.k8s.io/v1", "storage.k8s.io/v1",
)  # fmt: skip


@dataclass(frozen=True)
class Cluster:
    """What templates may know about the cluster (`.Capabilities`)."""

    version: str = DEFAULT_KUBE_VERSION
    apis: frozenset[str] = frozenset(_DEFAULT_APIS)


@dataclass(frozen=True)
class Target:
    """What templates may know about the release (`.Release`)."""

    name: str
    namespace: str
    revision: int = 1
    is_upgrade: bool = False


@dataclass
class Rendered:
    """A rendered chart: the manifest as one text, hook records, and the notes."""

    manifest: str
    hooks: list[dict[str, Value]] = field(default_factory=list)
    notes: str = ""


class _Members:
    """Fields and methods of an object that is no map."""

    def __init__(self, members: dict[str, Value]) -> None:
        self._members = members

    def member(self, name: str, args: list[Value]) -> Value:
        if name not in self._members:
            raise FunctionError(f"can't evaluate field {name}")
        found = self._members[name]
        return found(*args) if callable(found) else found


def _files(files: dict[str, str]) -> Value:
    return _Members(
        {
            "Get": lambda name: files.get(name, ""),
            "Lines": lambda name: files.get(name, "").splitlines(),
            "Glob": lambda pattern: {name: text for name, text in files.items() if fnmatch.fnmatch(name, pattern)},
        }
    )


def _capabilities(cluster: Cluster) -> Struct:
    version = semver.parse(cluster.version)
    kube = Struct(
        Version=cluster.version, GitVersion=cluster.version, Major=str(version.major), Minor=str(version.minor)
    )
    helm = Struct(Version="v3.19.0", GitCommit="", GitTreeState="clean", GoVersion="go1.24.7")
    apis = _Members({"Has": lambda api: api in cluster.apis})
    return Struct(KubeVersion=kube, APIVersions=apis, HelmVersion=helm)


def render(
    chart: Chart,
    user_values: Values,
    target: Target,
    cluster: Cluster,
    *,
    lookup: Callable[[str, str, str, str], Value] | None = None,
    check_schema: bool = True,
) -> Rendered:
    """Render a chart for a release.

    Raises:
        HelmError: values against the schema, a template error, or output that is no YAML.
    """
    values = coalesce(user_values, chart.values)
    if check_schema and chart.schema:
        schema.validate(chart.name, chart.schema, values)
    wanted = str(chart.metadata.get("kubeVersion", ""))
    if wanted and not semver.satisfies(wanted, semver.parse(cluster.version)):
        raise HelmError(f"chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {cluster.version}")
    data: dict[str, Value] = {
        "Values": values,
        "Chart": _chart_fields(chart),
        "Files": _files(chart.files),
        "Capabilities": _capabilities(cluster),
        "Subcharts": {},
        "Release": {
            "Name": target.name,
            "Namespace": target.namespace,
            "Revision": target.revision,
            "IsUpgrade": target.is_upgrade,
            "IsInstall": not target.is_upgrade,
            "Service": "Helm",
        },
    }
    return _assemble(chart.name, _execute(chart, data, lookup))


_CHART_FIELDS = (
    "Name", "Home", "Sources", "Version", "Description", "Keywords", "Maintainers", "Icon", "APIVersion", "Condition",
    "Tags", "AppVersion", "Deprecated", "Annotations", "KubeVersion", "Dependencies", "Type",
)  # fmt: skip


def _chart_fields(chart: Chart) -> Struct:
    given = {key.lower(): value for key, value in chart.metadata.items()}
    return Struct({name: given.get(name.lower(), "") for name in _CHART_FIELDS}, IsRoot=True)


def _execute(
    chart: Chart, data: dict[str, Value], lookup: Callable[[str, str, str, str], Value] | None
) -> dict[str, str]:
    named = {f"{chart.name}/{path}": text for path, text in chart.templates.items()}
    try:
        engine = Engine(named, lookup)
        rendered: dict[str, str] = {}
        for name in sorted(named, key=lambda path: (path.count("/"), path), reverse=True):
            if not name.rsplit("/", 1)[-1].startswith("_"):
                data["Template"] = {"Name": name, "BasePath": f"{chart.name}/templates"}
                rendered[name] = engine.render(name, data)
    except TemplateError as error:
        raise HelmError(str(error)) from error
    return rendered


def split(text: str) -> list[str]:
    """The YAML documents of a text, without the empty ones."""
    return [part.strip() for part in _SEPARATOR.split(text) if part.strip()]


def _rank(kind: str) -> tuple[int, str]:
    return (INSTALL_ORDER.index(kind), "") if kind in INSTALL_ORDER else (len(INSTALL_ORDER), kind)


def _assemble(chart_name: str, files: dict[str, str]) -> Rendered:
    notes = files.get(f"{chart_name}/templates/{_NOTES}", "")
    documents: list[tuple[str, str, dict[str, Value]]] = []
    for name in sorted(files):
        if name.endswith(_NOTES):
            continue
        for text in split(files[name]):
            try:
                head = yamlish.load(text)
            except yamlish.YamlError as error:
                raise HelmError(f"YAML parse error on {name}: error converting YAML to JSON: {error}") from error
            if head is None:
                # A document of comments only; helm keeps it.
                head = {}
            if not isinstance(head, dict):
                raise HelmError(
                    f"YAML parse error on {name}: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
                    f"{_json_kind(head)} into Go value of type releaseutil.SimpleHead"
                )
            documents.append((name, text, head))
    documents.sort(key=lambda item: _rank(str(item[2].get("kind", ""))))
    result = Rendered("", notes=notes)
    for name, text, head in documents:
        hook = _hook(name, text, head)
        if hook is None:
            result.manifest += f"---\n# Source: {name}\n{text}\n"
        elif hook["events"]:
            result.hooks.append(hook)
    return result


def _json_kind(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, list):
        return "array"
    return "string" if isinstance(value, str) else "number"


def _hook(path: str, text: str, head: dict[str, Value]) -> dict[str, Value] | None:
    """The record of a hook; one with an unknown event has none and is dropped, as helm drops it."""
    annotations = (head.get("metadata") or {}).get("annotations") or {}
    events = annotations.get("helm.sh/hook")
    if events is None:
        return None
    names = [event.strip().lower() for event in str(events).split(",")]
    names = ["test" if name == "test-success" else name for name in names]
    weight = str(annotations.get("helm.sh/hook-weight", "0"))
    record: dict[str, Value] = {
        "name": (head.get("metadata") or {}).get("name", ""),
        "kind": head.get("kind", ""),
        "path": path,
        "manifest": text,
        "events": names if set(names) <= _EVENTS else [],
        "last_run": {"started_at": "", "completed_at": "", "phase": ""},
    }
    if re.fullmatch(r"[+-]?\d+", weight) and int(weight):
        record["weight"] = int(weight)
    for key, annotation in (
        ("delete_policies", "helm.sh/hook-delete-policy"),
        ("output_log_policies", "helm.sh/hook-output-log-policy"),
    ):
        if annotation in annotations:
            record[key] = [part.strip().lower() for part in str(annotations[annotation]).split(",")]
    return record
