"""`init`: find the Airflow release of a cluster and write a config.toml for it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migration_cockpit.commands import USAGE_ERROR, Command

if TYPE_CHECKING:
    from migration_cockpit.playbook.discovery import Discovery, Installed

VALUES_FILE = "values-3x.yaml"


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("--kubeconfig", default=None, metavar="FILE", help="default: KUBECONFIG, then ~/.kube/config")
    parser.add_argument("--context", default=None, metavar="NAME", help="asked for where it is not given")
    parser.add_argument("--namespace", default=None, metavar="NAME", help="look only there; default: everywhere")
    parser.add_argument("--release", default=None, metavar="NAME", help="asked for where there are several")
    parser.add_argument("--to", dest="target", default="3.2.2", metavar="VERSION", help="default: %(default)s")
    parser.add_argument(
        "--set",
        dest="given",
        action="append",
        default=[],
        metavar="TABLE.KEY=VALUE",
        help="what nothing in a cluster tells; repeatable",
    )
    parser.add_argument(
        "--output", "-o", type=Path, default=Path("config.toml"), metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument("--force", action="store_true", help="write over an existing file")


def run(options: argparse.Namespace) -> int:
    """Look, show what was found, write; 1 when there is nothing to write a config for."""
    import asyncio

    from migration_cockpit.connections import KubeError
    from migration_cockpit.playbook.discovery import DraftError, NoRelease

    try:
        given = _given(options.given)
        _keep_existing(options)
        return asyncio.run(_init(options, given))
    except DraftError as error:
        print(f"migration-cockpit init: {error}", file=sys.stderr)
        return USAGE_ERROR
    except EOFError:
        print("\nmigration-cockpit init: nobody answers; give it as an option, see --help", file=sys.stderr)
        return USAGE_ERROR
    except (KubeError, NoRelease, OSError) as error:
        print(f"migration-cockpit init: {error}", file=sys.stderr)
        return 1


def _keep_existing(options: argparse.Namespace) -> None:
    """Raises DraftError where a file would be written over."""
    from migration_cockpit.playbook.discovery import DraftError

    for path in (options.output, options.output.with_name(VALUES_FILE)):
        if path.exists() and not options.force:
            raise DraftError(f"{path} is there already: --force writes over it")


def _given(words: list[str]) -> dict[str, Any]:
    """`table.key=value` pairs; a value is TOML where it can be read as such, else text."""
    import tomllib

    from migration_cockpit.playbook.discovery import DraftError

    given: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or "." not in key:
            raise DraftError(f"--set {word}: takes table.key=value, such as airflow.url=https://airflow.example.com")
        try:
            given[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            given[key] = text
    return given


async def _init(options: argparse.Namespace, given: dict[str, Any]) -> int:
    from migration_cockpit.config import Kubernetes
    from migration_cockpit.connections import Kube
    from migration_cockpit.playbook import discovery
    from migration_cockpit.session.redact import Redactor, of_environment

    context = options.context or _context(options.kubeconfig)
    place = Kubernetes(
        context=context, namespace=options.namespace or "default", release="", kubeconfig=options.kubeconfig
    )
    redactor = Redactor()
    redactor.register_all(of_environment())
    kube = Kube(place, redactor.register)
    try:
        version = await kube.version()
        print(f"Kubernetes {version}, context {context}")
        releases = await discovery.installed(kube, namespace=options.namespace)
        chosen = _choose(options.release, releases)
        if chosen.version.startswith("3."):
            raise discovery.NoRelease(f"{chosen.name} runs {chosen.version} already: there is nothing to migrate")
        # Reads of the release go to its own namespace.
        kube.namespace = chosen.namespace
        found = await discovery.look(kube, chosen, redactor)
    finally:
        await kube.close()
    return _write(options, context, chosen, found, given)


def _context(kubeconfig: str | None) -> str:
    """The context that a person chooses: never whatever is current without a word. Raises DraftError, EOFError."""
    import yaml
    from kubernetes import config

    from migration_cockpit.playbook.discovery import DraftError

    try:
        contexts, current = config.list_kube_config_contexts(kubeconfig)
        names = [str(each["name"]) for each in contexts]
        usual = str((current or {}).get("name", ""))
    except (config.ConfigException, yaml.YAMLError, TypeError, AttributeError, LookupError) as error:
        said = " ".join(str(error).split())
        raise DraftError(f"{kubeconfig or 'the default kubeconfig'} is no kubeconfig: {said}") from error
    return _ask("Kubernetes context", names, usual)


def _ask(what: str, choices: list[str], usual: str = "") -> str:
    """Ask for one of `choices` by number or name. Raises EOFError where nobody can answer."""
    for number, choice in enumerate(choices, 1):
        print(f"{number:3}  {choice}{'   (current)' if choice == usual else ''}")
    while True:
        answer = input(f"{what}, 1 to {len(choices)}: ").strip()
        if answer in choices:
            return answer
        if answer.isdigit() and 1 <= int(answer) <= len(choices):
            return choices[int(answer) - 1]
        print(f"{answer or 'nothing'} is not one of them")


def _choose(name: str | None, releases: Any) -> Installed:
    from migration_cockpit.playbook.discovery import NoRelease

    fitting: list[Installed] = [each for each in releases if name in {None, each.name}]
    if not fitting:
        there = ", ".join(f"{each.namespace}/{each.name}" for each in releases)
        raise NoRelease(f"there is no release {name} of the chart, only {there}")
    if len(fitting) == 1:
        return fitting[0]
    words = [each.words() for each in fitting]
    return fitting[words.index(_ask("Release", words))]


def _write(
    options: argparse.Namespace, context: str, chosen: Installed, found: Discovery, given: dict[str, Any]
) -> int:
    import tomllib
    from datetime import UTC, datetime

    import yaml

    from migration_cockpit.config import parse
    from migration_cockpit.playbook.discovery import fill, schedule, target_values, template
    from migration_cockpit.playbook.findings import as_table

    values = {
        "deployment.name": f"{chosen.namespace}-{chosen.name}" if chosen.namespace != chosen.name else chosen.name,
        "deployment.target_version": options.target,
        "kubernetes.context": context,
        "helm.values": [VALUES_FILE],
        "dags.critical": [],
        "dags.normal": [],
        **({"kubernetes.kubeconfig": str(Path(options.kubeconfig).resolve())} if options.kubeconfig else {}),
        **schedule(datetime.now(UTC)),
        **found.values,
        **given,
    }
    # A table that nothing was found for is left out, unless its keys were given.
    without = {
        table for table in {"grafana", "slack", *found.without} if not any(key.split(".")[0] == table for key in given)
    }
    text = fill(template(), values, without=without)
    parse(tomllib.loads(text), options.output)  # what is written loads: a wrong --set is said before anything is
    print(as_table(found.findings, width=120, good="found", bad="tell"))
    rendered = yaml.safe_dump(target_values(chosen.release.values, options.target), sort_keys=False)
    source = f"{chosen.name}, revision {chosen.release.revision}"
    head = f"# The values of {source}, for Airflow {options.target}: look it through.\n"
    for path, content in ((options.output, text), (options.output.with_name(VALUES_FILE), head + rendered)):
        path.touch(mode=0o600)
        path.write_text(content, encoding="utf-8")
    print(f"\nwrote {options.output} and {VALUES_FILE} beside it; fill in what it asks you to tell, then:")
    print(f"  migration-cockpit check --config {options.output}")
    return 0


COMMAND = Command(
    "init",
    "find the Airflow release of a cluster and write a config.toml for it; changes nothing there",
    """\
  migration-cockpit init                                     asks for the context, looks everywhere
  migration-cockpit init --context prod-eu --namespace airflow \\
      --set airflow.url=https://airflow.example.com --set 'airflow.password={ env = "PASSWORD" }'""",
    options,
    run,
)
