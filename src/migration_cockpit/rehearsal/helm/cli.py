"""The command line: which commands there are, which flags they take, and how failures are told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from migration_cockpit.rehearsal.helm import commands, local
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.flags import Flag, Flags, parse
from migration_cockpit.rehearsal.helm.template.nodes import Value

_TEXT, _LIST, _BOOL = Flag("text"), Flag("list"), Flag("bool")
_TIMEOUT = Flag("duration", default=300.0)
_HISTORY_MAX = 10
# Flags of the real helm that change nothing here (debugging, other ways of reaching a repository or a server).
_IGNORED_NAMES = (
    "burst-limit", "qps", "registry-config", "repository-cache", "repository-config", "kube-as-user", "kube-as-group",
    "kube-ca-file", "kube-tls-server-name", "repo", "username", "password", "ca-file", "cert-file", "key-file",
    "keyring", "post-renderer",
)  # fmt: skip
_IGNORED = dict.fromkeys(_IGNORED_NAMES, _TEXT)
_GLOBAL: Flags = {
    "help": Flag("bool", "h"),
    "debug": _BOOL,
    "kubeconfig": _TEXT,
    "kube-context": _TEXT,
    "namespace": Flag("text", "n"),
    "kube-insecure-skip-tls-verify": _BOOL,
    **_IGNORED,
}
_OUTPUT = {"output": Flag("format", "o", default="table")}
_CHART = {"version": _TEXT, "devel": _BOOL, "verify": _BOOL, "pass-credentials": _BOOL, "plain-http": _BOOL}
_VALUES = {
    "values": Flag("list", "f"),
    "set": _LIST,
    "set-string": _LIST,
    "set-file": _LIST,
    "set-json": _LIST,
    "set-literal": _LIST,
}
# --wait takes no value in Helm 3 and an optional strategy in Helm 4.
_WAIT = {"wait": Flag("text", bare="true"), "wait-for-jobs": _BOOL, "timeout": _TIMEOUT}
_CHANGE: Flags = {
    **_WAIT,
    "atomic": _BOOL,
    "rollback-on-failure": _BOOL,
    "no-hooks": _BOOL,
    "force": _BOOL,
    "dry-run": Flag("text", bare="client"),
    "description": _TEXT,
    "cleanup-on-fail": _BOOL,
}
_RENDER: Flags = {
    **_CHART,
    **_VALUES,
    "skip-schema-validation": _BOOL,
    "skip-crds": _BOOL,
    "disable-openapi-validation": _BOOL,
    "render-subchart-notes": _BOOL,
    "hide-notes": _BOOL,
    "hide-secret": _BOOL,
    "enable-dns": _BOOL,
    "dependency-update": _BOOL,
    "take-ownership": _BOOL,
    "create-namespace": _BOOL,
    "labels": Flag("list", "l"),
}


@dataclass(frozen=True)
class _Spec:
    run: Callable[[dict[str, Value], list[str]], None]
    least: int
    most: int
    usage: str
    flags: Flags


_COMMANDS = {
    "upgrade": _Spec(
        commands.run_upgrade,
        2,
        2,
        "[RELEASE] [CHART]",
        {
            **_CHANGE,
            **_RENDER,
            **_OUTPUT,
            "install": Flag("bool", "i"),
            "reset-values": _BOOL,
            "reuse-values": _BOOL,
            "reset-then-reuse-values": _BOOL,
            "history-max": Flag("int", default=_HISTORY_MAX),
        },
    ),
    "install": _Spec(commands.run_install, 1, 2, "[NAME] [CHART]", {**_CHANGE, **_RENDER, **_OUTPUT, "replace": _BOOL}),
    "rollback": _Spec(
        commands.run_rollback,
        1,
        2,
        "<RELEASE> [REVISION]",
        {**_CHANGE, "dry-run": _BOOL, "recreate-pods": _BOOL, "history-max": Flag("int", default=_HISTORY_MAX)},
    ),
    "uninstall": _Spec(
        commands.run_uninstall,
        1,
        99,
        "RELEASE_NAME [...]",
        {**_WAIT, "no-hooks": _BOOL, "keep-history": _BOOL, "description": _TEXT, "ignore-not-found": _BOOL},
    ),
    "status": _Spec(
        commands.run_status,
        1,
        1,
        "RELEASE_NAME",
        {**_OUTPUT, "revision": Flag("int"), "show-desc": _BOOL, "show-resources": _BOOL},
    ),
    "history": _Spec(commands.run_history, 1, 1, "RELEASE_NAME", {**_OUTPUT, "max": Flag("int", default=256)}),
    "list": _Spec(
        commands.run_list,
        0,
        0,
        "",
        {
            **_OUTPUT,
            "all": Flag("bool", "a"),
            "short": Flag("bool", "q"),
            "date": Flag("bool", "d"),
            "filter": Flag("text", "f"),
            "max": Flag("int", "m", default=256),
            "all-namespaces": Flag("bool", "A"),
            **dict.fromkeys(
                ("deployed", "failed", "pending", "superseded", "uninstalled", "uninstalling", "no-headers"), _BOOL
            ),
        },
    ),
    "get": _Spec(
        commands.run_get,
        2,
        2,
        "values|manifest|hooks|notes|metadata|all RELEASE_NAME",
        {**_OUTPUT, "revision": Flag("int"), "all": Flag("bool", "a")},
    ),
    "template": _Spec(
        commands.run_template,
        1,
        2,
        "[NAME] [CHART]",
        {
            **_CHANGE,
            **_RENDER,
            "show-only": Flag("list", "s"),
            "kube-version": _TEXT,
            "api-versions": Flag("list", "a"),
            "is-upgrade": _BOOL,
            "include-crds": _BOOL,
            "skip-tests": _BOOL,
            "validate": _BOOL,
        },
    ),
    "show": _Spec(local.run_show, 2, 2, "values|chart|readme|all [CHART]", {**_CHART}),
    "search": _Spec(
        local.run_search,
        1,
        2,
        "repo [keyword]",
        {
            **_OUTPUT,
            "versions": Flag("bool", "l"),
            "version": _TEXT,
            "devel": _BOOL,
            "regexp": Flag("bool", "r"),
            "fail-on-no-result": _BOOL,
            "max-col-width": Flag("int", default=50),
        },
    ),
    "repo": _Spec(local.run_repo, 1, 9, "list|add|update", {**_OUTPUT, "force-update": _BOOL, "no-update": _BOOL}),
    "version": _Spec(local.run_version, 0, 0, "", {"short": _BOOL, "template": _TEXT, "client": Flag("bool", "c")}),
}
_ALIASES = {
    "hist": "history",
    "ls": "list",
    "inspect": "show",
    "un": "uninstall",
    "del": "uninstall",
    "delete": "uninstall",
}


def main(argv: list[str] | None = None) -> int:
    """Run a command line; 0 when it succeeded, 1 when not, with `Error: ...` on standard error."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        _dispatch(args)
    except BrokenPipeError:
        return 1
    except (HelmError, OSError) as error:
        sys.stdout.flush()
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


def _dispatch(args: list[str]) -> None:
    name, rest = _command(args)
    if name is None:
        sys.stdout.write(_help())
        return
    spec = _COMMANDS.get(_ALIASES.get(name, name))
    if spec is None:
        raise HelmError(f'unknown command "{name}" for "helm"\nRun \'helm --help\' for usage.')
    flags, positional = parse(rest, {**_GLOBAL, **spec.flags})
    if flags["help"]:
        sys.stdout.write(f"Usage:\n  helm {name} {spec.usage} [flags]\n\nFlags:\n")
        sys.stdout.write("".join(f"      --{flag}\n" for flag in sorted(spec.flags)))
        return
    if not spec.least <= len(positional) <= spec.most:
        raise HelmError(_arity(name, spec))
    flags["kube-context"] = flags["kube-context"] or os.environ.get("HELM_KUBECONTEXT", "")
    spec.run(flags, positional)


def _command(args: list[str]) -> tuple[str | None, list[str]]:
    """The first word that is no flag (nor the value of a global one), and everything else."""
    index = 0
    while index < len(args):
        arg = args[index]
        if not arg.startswith("-"):
            return arg, args[:index] + args[index + 1 :]
        name = arg.lstrip("-")
        flag = _GLOBAL.get(name) or next((flag for flag in _GLOBAL.values() if flag.short and flag.short == name), None)
        index += 2 if flag is not None and flag.kind != "bool" else 1
    return None, args


def _arity(name: str, spec: _Spec) -> str:
    if spec.most == 0:
        return f'"helm {name}" accepts no arguments\n\nUsage:  helm {name} [flags]'
    count = f"{spec.least} argument{'' if spec.least == 1 else 's'}"
    least = "" if spec.least == spec.most else "at least "
    return f'"helm {name}" requires {least}{count}\n\nUsage:  helm {name} {spec.usage} [flags]'


def _help() -> str:
    listed = "".join(f"  {name}\n" for name in sorted(_COMMANDS))
    return (
        "The helm of the rehearsal: the real one's commands, for the embedded world only.\n\n"
        f"Usage:\n  helm [command]\n\nAvailable Commands:\n{listed}"
    )
