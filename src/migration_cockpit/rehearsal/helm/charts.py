"""Charts on disk and in release records: loading, the two of the rehearsal, and finding one by reference."""

from __future__ import annotations

import base64
import fnmatch
from dataclasses import dataclass, field
from pathlib import Path

from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.template import semver, yamlish
from migration_cockpit.rehearsal.helm.template.errors import FunctionError
from migration_cockpit.rehearsal.helm.template.nodes import Value

REPOSITORY = "apache-airflow"
REPOSITORY_URL = "https://airflow.apache.org"
_HOME = Path(__file__).resolve().parent.parent / "chart"
# Chart.yaml keys in the order in which the release record has them.
_METADATA = (
    "name", "home", "sources", "version", "description", "keywords", "maintainers", "icon", "apiVersion", "condition",
    "tags", "appVersion", "deprecated", "annotations", "kubeVersion", "dependencies", "type",
)  # fmt: skip


@dataclass
class Chart:
    """A chart in memory. `templates` and `files` map the path inside of the chart to its text."""

    metadata: dict[str, Value]
    values: dict[str, Value]
    templates: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    schema: str | None = None
    values_text: str = ""

    @property
    def name(self) -> str:
        """The chart's own name, the first part of every `# Source:` line."""
        return str(self.metadata.get("name", ""))

    @property
    def version(self) -> str:
        """The chart's version."""
        return str(self.metadata.get("version", ""))

    @property
    def app_version(self) -> str:
        """The version of the program that the chart deploys when nothing else is asked for."""
        return str(self.metadata.get("appVersion", ""))

    def to_record(self) -> dict[str, Value]:
        """The chart as a release record holds it: file contents in base64."""
        return {
            "metadata": {key: self.metadata[key] for key in _METADATA if key in self.metadata},
            "lock": None,
            "templates": _files_record(self.templates),
            "values": yamlish.ordered(yamlish.plain(self.values)),
            "schema": base64.b64encode(self.schema.encode()).decode() if self.schema is not None else None,
            "files": _files_record(self.files),
        }

    @classmethod
    def from_record(cls, record: dict[str, Value]) -> Chart:
        """The chart of a release record."""
        schema = record.get("schema")
        return cls(
            metadata=record.get("metadata") or {},
            values=yamlish.floats(record.get("values") or {}),
            templates=_files_text(record.get("templates")),
            files=_files_text(record.get("files")),
            schema=base64.b64decode(schema).decode() if schema else None,
        )


def _files_record(files: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "data": base64.b64encode(text.encode()).decode()} for name, text in files.items()]


def _files_text(records: list[dict[str, str]] | None) -> dict[str, str]:
    return {item["name"]: base64.b64decode(item["data"]).decode(errors="replace") for item in records or []}


def load(directory: Path) -> Chart:
    """Read a chart directory.

    Raises:
        HelmError: it holds no readable Chart.yaml or values.yaml.
    """
    chart_file = directory / "Chart.yaml"
    if not chart_file.is_file():
        raise HelmError("Chart.yaml file is missing")
    metadata = _yaml(chart_file.read_text(encoding="utf-8"), "Chart.yaml")
    metadata = {key: value if isinstance(value, bool | list | dict) else str(value) for key, value in metadata.items()}
    values_file, schema_file = directory / "values.yaml", directory / "values.schema.json"
    values_text = values_file.read_text(encoding="utf-8") if values_file.is_file() else ""
    chart = Chart(metadata, yamlish.floats(_yaml(values_text, "values.yaml")), values_text=values_text)
    if schema_file.is_file():
        chart.schema = schema_file.read_text(encoding="utf-8")
    ignored = _ignored(directory)
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        name = path.relative_to(directory).as_posix()
        if any(fnmatch.fnmatch(part, pattern) for part in name.split("/") for pattern in ignored):
            continue
        if name.startswith("templates/"):
            chart.templates[name] = path.read_text(encoding="utf-8")
        elif name not in {"Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json"}:
            chart.files[name] = path.read_text(encoding="utf-8", errors="replace")
    return chart


def _yaml(text: str, name: str) -> dict[str, Value]:
    try:
        return yamlish.load(text) or {}
    except yamlish.YamlError as error:
        raise HelmError(f"cannot load {name}: error converting YAML to JSON: {error}") from error


def _ignored(directory: Path) -> list[str]:
    """The patterns of .helmignore that name files or directories; the file itself is part of the chart."""
    path = directory / ".helmignore"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [line.strip().rstrip("/") for line in lines if line.strip() and not line.lstrip().startswith(("#", "!"))]


def repository() -> list[tuple[Path, dict[str, Value]]]:
    """The charts of the only repository this helm knows, newest first: directory and Chart.yaml of each."""
    found = [(path.parent, yamlish.load(path.read_text(encoding="utf-8"))) for path in _HOME.glob("*/Chart.yaml")]
    return sorted(found, key=lambda item: semver.parse(item[1]["version"]).key(), reverse=True)


def locate(reference: str, version: str) -> Path:
    """The directory of a chart given by path or as `apache-airflow/NAME`.

    `version` is a constraint; empty takes the newest.

    Raises:
        HelmError: worded as helm words a missing path, repository, chart or version.
    """
    path = Path(reference)
    if path.exists():
        return path.resolve()
    if path.is_absolute() or reference.startswith("."):
        raise HelmError(f"path {_quoted(reference)} not found")
    repo, _, name = reference.partition("/")
    if not name:
        raise HelmError(f"non-absolute URLs should be in form of repo_name/path_to_chart, got: {reference}")
    if repo != REPOSITORY:
        raise HelmError(f"repo {repo} not found")
    versions = [(directory, chart) for directory, chart in repository() if chart["name"] == name]
    if not versions:
        raise HelmError(
            f"chart {_quoted(name)} not found in {REPOSITORY} index. (try 'helm repo update'): no chart name found"
        )
    try:
        for directory, chart in versions:
            if not version or semver.satisfies(version, semver.parse(chart["version"])):
                return directory
    except FunctionError as error:
        raise HelmError(f"an invalid version/constraint format: {error}") from error
    raise HelmError(
        f"chart {_quoted(name)} matching {version} not found in {REPOSITORY} index. (try 'helm repo update'): "
        f"no chart version found for {name}-{version}"
    )


def _quoted(text: str) -> str:
    return f'"{text}"'
