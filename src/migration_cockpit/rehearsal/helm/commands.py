"""The commands that change or read a release: from parsed flags to an operation and its output."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable

from migration_cockpit.rehearsal.helm import charts, output
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.install import install, uninstall
from migration_cockpit.rehearsal.helm.kube import Kube
from migration_cockpit.rehearsal.helm.kubeconfig import load as load_access
from migration_cockpit.rehearsal.helm.operation import Options, Session
from migration_cockpit.rehearsal.helm.release import PENDING, Release, Storage
from migration_cockpit.rehearsal.helm.render import DEFAULT_KUBE_VERSION, Cluster, Rendered, Target, render, split
from migration_cockpit.rehearsal.helm.rollback import rollback
from migration_cockpit.rehearsal.helm.template import yamlish
from migration_cockpit.rehearsal.helm.template.nodes import Value
from migration_cockpit.rehearsal.helm.upgrade import upgrade
from migration_cockpit.rehearsal.helm.values import Given, Reuse, coalesce

Parsed = dict[str, Value]
Command = Callable[[Parsed, list[str]], None]
_DRY_RUN = {"", "none", "false", "true", "client", "server"}


def _say(text: str) -> None:
    sys.stdout.write(text)


def session(flags: Parsed) -> Session:
    """The cluster that the flags name.

    Raises:
        HelmError: `Kubernetes cluster unreachable: ...`
    """
    kube = Kube(load_access(flags["kubeconfig"], flags["kube-context"], flags["namespace"]))
    kube.version()
    return Session(kube, Storage(kube, flags.get("history-max", 0)))


def options(flags: Parsed) -> Options:
    """The operation's options.

    Raises:
        HelmError: --dry-run with a value it does not have.
    """
    dry_run = flags.get("dry-run") or ""
    if dry_run is True:
        # Rollback has a plain flag.
        dry_run = "client"
    if dry_run not in _DRY_RUN:
        raise HelmError("Invalid dry-run flag. Flag must one of the following: false, true, none, client, server")
    atomic = bool(flags.get("atomic") or flags.get("rollback-on-failure"))
    return Options(
        timeout_s=flags.get("timeout", 300.0),
        # Helm 4 takes a strategy; both of its waiting ones wait here for the same.
        wait=flags.get("wait", "") in {"true", "watcher", "legacy"} or atomic,
        wait_for_jobs=bool(flags.get("wait-for-jobs")),
        atomic=atomic,
        no_hooks=bool(flags.get("no-hooks")),
        force=bool(flags.get("force")),
        cleanup_on_fail=bool(flags.get("cleanup-on-fail")),
        take_ownership=bool(flags.get("take-ownership")),
        create_namespace=bool(flags.get("create-namespace")),
        description=flags.get("description", ""),
        dry_run="" if dry_run in {"none", "false"} else dry_run,
        check_schema=not flags.get("skip-schema-validation"),
    )


def given(flags: Parsed) -> Given:
    """The values flags."""
    return Given(flags["values"], flags["set-json"], flags["set"], flags["set-string"], flags["set-file"])


def _chart(reference: str, flags: Parsed) -> charts.Chart:
    return charts.load(charts.locate(reference, flags["version"]))


def run_upgrade(flags: Parsed, args: list[str]) -> None:
    """`helm upgrade RELEASE CHART`, with --install too."""
    name, reference = args
    if flags["install"]:
        existing = session(flags).storage.query(name=name)
        if not existing or existing[-1].status == "uninstalled":
            if flags["output"] == "table":
                _say(f'Release "{name}" does not exist. Installing it now.\n')
            release = install(session(flags), name, _chart(reference, flags), given(flags).merged(), options(flags))
            _say(output.status(release, flags["output"]))
            return
    chart, values = _chart(reference, flags), given(flags).merged()
    opts = options(flags)
    reuse = Reuse(flags["reset-values"], flags["reuse-values"], flags["reset-then-reuse-values"])
    try:
        release = upgrade(session(flags), name, chart, values, reuse, opts)
    except (HelmError, OSError) as error:
        raise HelmError(f"UPGRADE FAILED: {error}") from error
    if flags["output"] == "table":
        _say(f'Release "{name}" has been upgraded. Happy Helming!\n')
    _say(output.status(release, flags["output"]))


def run_install(flags: Parsed, args: list[str]) -> None:
    """`helm install NAME CHART`"""
    if len(args) == 1:
        raise HelmError("INSTALLATION FAILED: must either provide a name or specify --generate-name")
    name, reference = args
    try:
        release = install(session(flags), name, _chart(reference, flags), given(flags).merged(), options(flags))
    except (HelmError, OSError) as error:
        raise HelmError(f"INSTALLATION FAILED: {error}") from error
    _say(output.status(release, flags["output"]))


def run_rollback(flags: Parsed, args: list[str]) -> None:
    """`helm rollback RELEASE [REVISION]`"""
    revision = 0
    if len(args) > 1:
        try:
            revision = int(args[1])
        except ValueError as error:
            raise HelmError(
                f'could not convert revision to a number: strconv.Atoi: parsing "{args[1]}": invalid syntax'
            ) from error
    rollback(session(flags), args[0], revision, options(flags))
    _say("Rollback was a success! Happy Helming!\n")


def run_uninstall(flags: Parsed, args: list[str]) -> None:
    """`helm uninstall RELEASE...`"""
    for name in args:
        kept = uninstall(session(flags), name, options(flags), keep_history=flags["keep-history"])
        _say(kept + ("\n" if kept else "") + f'release "{name}" uninstalled\n')


def run_status(flags: Parsed, args: list[str]) -> None:
    """`helm status RELEASE`"""
    # The real one leaves the chart out here, and only here.
    release = dataclasses.replace(session(flags).storage.get(args[0], flags["revision"]), chart={})
    _say(output.status(release, flags["output"], show_description=flags["show-desc"]))


def run_history(flags: Parsed, args: list[str]) -> None:
    """`helm history RELEASE`"""
    found = session(flags).storage.history(args[0])
    _say(output.history(found[-flags["max"] :], flags["output"]))


def run_list(flags: Parsed, _args: list[str]) -> None:
    """`helm list`: the newest revision of each release, deployed and failed ones unless asked for others."""
    newest: dict[str, Release] = {}
    for release in session(flags).storage.query():
        newest[release.name] = release
    wanted = {state for state in ("deployed", "failed", "superseded", "uninstalled", "uninstalling") if flags[state]}
    wanted |= PENDING if flags["pending"] else set()
    wanted = wanted or {"deployed", "failed"}
    found = [release for release in newest.values() if flags["all"] or release.status in wanted]
    if flags["filter"]:
        import re

        found = [release for release in found if re.search(flags["filter"], release.name)]
    found.sort(key=lambda release: release.last_deployed if flags["date"] else release.name)
    if flags["short"]:
        names = [release.name for release in found]
        _say(
            "".join(f"{name}\n" for name in names)
            if flags["output"] == "table"
            else output.encode(names, flags["output"])
        )
        return
    _say(output.releases(found, flags["output"]))


def run_get(flags: Parsed, args: list[str]) -> None:
    """`helm get values|manifest|hooks|notes|all|metadata RELEASE`"""
    what, name = args
    release = session(flags).storage.get(name, flags["revision"])
    computed = coalesce(release.config, release.load_chart().values)
    hooks = "".join(f"---\n# Source: {hook['path']}\n{hook['manifest']}\n" for hook in release.hooks)
    match what:
        case "values":
            values = computed if flags["all"] else release.config
            if flags["output"] == "table":
                _say(("COMPUTED" if flags["all"] else "USER-SUPPLIED") + " VALUES:\n" + yamlish.dump(values or None))
            else:
                _say(output.encode(yamlish.ordered(values) or None, flags["output"]))
        case "manifest":
            _say(release.manifest + "\n")
        case "hooks":
            _say(hooks)
        case "notes":
            _say(f"NOTES:\n{release.notes}\n" if release.notes else "")
        case "metadata":
            _say(_metadata(release, flags["output"]))
        case _:
            _say(_everything(release, hooks))


def _everything(release: Release, hooks: str) -> str:
    computed = coalesce(release.config, release.load_chart().values)
    notes = f"NOTES:\n{release.notes.strip()}\n" if release.notes.strip() else ""
    return (
        output.status(dataclasses.replace(release, notes="", description=""), "table", show_chart=True)
        + f"USER-SUPPLIED VALUES:\n{yamlish.dump(release.config or None)}\n"
        + f"COMPUTED VALUES:\n{yamlish.dump(computed)}\n"
        + f"HOOKS:\n{hooks}MANIFEST:\n{release.manifest}\n{notes}"
    )


def _metadata(release: Release, form: str) -> str:
    metadata = release.chart.get("metadata") or {}
    record: dict[str, Value] = {
        "name": release.name,
        "chart": metadata.get("name"),
        "version": metadata.get("version"),
        "appVersion": release.app_version,
        "annotations": metadata.get("annotations") or {},
        "dependencies": [item.get("name") for item in metadata.get("dependencies") or []],
        "namespace": release.namespace,
        "revision": release.version,
        "status": release.status,
        "deployedAt": release.last_deployed,
    }
    if form != "table":
        return output.encode({key: value for key, value in record.items() if value not in ({}, [])}, form)
    record["annotations"] = ",".join(f"{key}={value}" for key, value in sorted(record["annotations"].items()))
    record["dependencies"] = ",".join(record["dependencies"])
    labels = {"appVersion": "APP_VERSION", "deployedAt": "DEPLOYED_AT"}
    return "".join(f"{labels.get(key, key.upper())}: {value}\n" for key, value in record.items())


def run_template(flags: Parsed, args: list[str]) -> None:
    """`helm template [NAME] CHART`: render without a cluster."""
    name, reference = args if len(args) > 1 else ("release-name", args[0])
    chart = _chart(reference, flags)
    cluster = Cluster(flags["kube-version"] or DEFAULT_KUBE_VERSION)
    target = Target(name, flags["namespace"] or "default", is_upgrade=flags["is-upgrade"])
    check = not flags["skip-schema-validation"]
    rendered = render(chart, given(flags).merged(), target, cluster, check_schema=check)
    _say(_template_output(chart, rendered, flags))


def _template_output(chart: charts.Chart, rendered: Rendered, flags: Parsed) -> str:
    text = rendered.manifest.strip() + "\n"
    if not flags["no-hooks"]:
        text += "".join(f"---\n# Source: {hook['path']}\n{hook['manifest']}\n" for hook in rendered.hooks)
    if not flags["show-only"]:
        return text
    import fnmatch

    chosen: list[str] = []
    documents = split(text)
    for pattern in flags["show-only"]:
        found = [
            document
            for document in documents
            if fnmatch.fnmatchcase(document.partition("\n")[0].removeprefix(f"# Source: {chart.name}/"), pattern)
        ]
        if not found:
            raise HelmError(f"could not find template {pattern} in chart")
        chosen += found
    return "".join(f"---\n{document}\n" for document in chosen)
