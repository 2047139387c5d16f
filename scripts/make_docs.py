"""Write the parts of docs/ that the code knows best: steps, keys, faults, events, permissions.

`python -m scripts.make_docs` rewrites what stands between `<!-- name -->` and `<!-- end -->`; a test holds the pages to
it, so that they cannot drift.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args, get_origin

import msgspec

from migration_cockpit.advice import failures
from migration_cockpit.app.controls import VIEW_CONTROLS, Action, key_names
from migration_cockpit.cockpit.about import PANES
from migration_cockpit.cockpit.replay.controls import REPLAY_CONTROLS
from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.config import SecretRef, Settings, load
from migration_cockpit.playbook.preflight.permissions import CUSTOM, FORWARD, NEEDS
from migration_cockpit.playbook.step import Step
from migration_cockpit.playbook.steps import STEPS
from migration_cockpit.rehearsal.faults import FAULTS
from migration_cockpit.session.events import KINDS
from migration_cockpit.session.words import long

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RIGHTS = ROOT / "src" / "migration_cockpit" / "permissions"
PLACES = {
    "screen": "on the screen",
    "sheet": "in a step sheet",
    "decision": "in a decision",
    "note": "in a note",
    "message": "in a message",
    "window": "at the window's end",
    "offer": "when offering the helm",
    "takeover": "when taking the helm",
    "postpone": "when postponing",
    "guide": "in the guide",
    "prepare": "at the prerequisites",
    "prerequisite": "at one prerequisite",
    "sign": "when signing one off",
    "test-backup": "when testing the backup",
    "end-blocker": "when ending a blocker",
    "resumed": "when a session goes on",
    "rollback": "in the rollback's dialog",
    "rollback-reason": "saying why it is taken back",
    "rollback-end-job": "ending a migration that works",
    "rollback-code": "typing a second person's code",
    "rollback-phrase": "typing what it goes back to",
    "rollback-countdown": "while the rollback counts down",
    "palette": "in the list of actions",
    "rows": "in a pane's rows",
    "rows-filter": "when filtering rows",
    "row": "in the detail of a row",
    "about-pane": "reading what a pane is",
    "jump": "when jumping",
    "rollback-under-way": "while the way back goes on",
    "any": "anywhere",
}


PICTURES = {
    "announce": ("Announced; the next step is due", "begun"),
    "helm": ("The sheet of step 4: gates, commands, what undoes it", "sheet"),
    "migrate": ("The migration at work", "migrating"),
    "soak": ("The soak", "soak"),
    "success": ("Every step verified", "done"),
}
"""What stands beside a step in docs/day.md: words and name of a picture."""


def steps() -> str:
    """A section for each step, as `plan` tells it, without the commands."""
    settings = load(ROOT / "config.example.toml")
    return "\n\n".join(_step(number, step, settings) for number, step in enumerate(STEPS, start=1))


def _step(number: int, step: Step, settings: Settings) -> str:
    expected = long(step.expected(settings))
    lines = [f"### {number}. {step.title}", "", f"`{step.id}`, key `{step.key}`, about {expected}.", "", step.purpose]
    if picture := PICTURES.get(step.id):
        lines += ["", "![{}](pictures/{}-160x48.svg)".format(*picture)]
    lines += _bullets("Before it", [gate.asks for gate in step.gates(settings)])
    lines += _bullets("Verified when", step.verification(settings))
    lines += ["", f"Undone by: {step.undo}"]
    return "\n".join(lines + (["", f"Not as in the source playbook: {step.differs}"] if step.differs else []))


def _bullets(title: str, items: Iterable[str]) -> list[str]:
    found = [f"- {item}" for item in items]
    return ["", f"{title}:", "", *found] if found else []


def keys() -> str:
    """Every key by the place where it works."""
    return _keys((*CONTROLS, *VIEW_CONTROLS))


def replay() -> str:
    """Every key of a replay that does something."""
    return _keys(tuple(each for each in REPLAY_CONTROLS if not each.id.startswith("off-")))


def _keys(controls: tuple[Action, ...]) -> str:
    rows = []
    for place, words in PLACES.items():
        for control in controls:
            if control.where == place:
                names = " ".join(f"`{key_names([key])}`" for key in control.keys)
                rows.append((words, names, control.help))
    return _table(("where", "key", "what it does"), rows)


def panes() -> str:
    """What each pane shows, from where, what is normal, and what its rows open: as `?` tells it there."""
    parts = []
    for name, about in PANES.items():
        parts += [f"### {name}", "", about.shows, ""]
        parts += [f"- From: {about.source}", f"- Normal: {about.normal}", f"- Rows: {about.rows}", ""]
    return "\n".join(parts).rstrip()


def faults() -> str:
    """Every fault with the step that it makes end not verified."""
    return _table(("`--fault`", "step", "what happens"), [(f"`{f.name}`", f.step, f.sentence) for f in FAULTS.values()])


def events() -> str:
    """Every kind of event, and whether it is on disk before anything follows from it."""
    rows = []
    for kind, event in KINDS.items():
        told = (inspect.getdoc(event) or "").splitlines()[0]
        rows.append((f"`{kind}`", "at once" if event.durable else "within 1 s", told))
    return _table(("kind", "on disk", "what it says"), rows)


def needs() -> str:
    """What is asked of the cluster, and what for."""
    rows: dict[str, str] = {}
    for condition, needed in (
        ("", NEEDS),
        ("with `postgres.port_forward`: ", FORWARD),
        ("where the custom resource is installed: ", CUSTOM),
    ):
        for need in needed:
            rows.setdefault(f"`{need.verb} {need.resource}`", condition + need.what)
    return _table(("right", "what for"), rows.items())


def configuration() -> str:
    """Every key of config.toml by table: what it takes and its default from the code, its words from the example."""
    said = _example_comments()
    parts: list[str] = []
    for table in msgspec.structs.fields(Settings):
        section = next(each for each in (*get_args(table.type), table.type) if isinstance(each, type))
        rows = []
        for key in msgspec.structs.fields(section):
            default = "needed" if key.required else f"`{_toml(key.default, key.default_factory)}`"
            about = said.get((table.name, key.encode_name), "")
            rows.append((f"`{key.encode_name}`", _takes(key.type), default, about))
        optional = "" if table.required else " (may be left out)"
        words = (inspect.getdoc(section) or "").splitlines()[0]
        parts += [f"## [{table.name}]{optional}", "", words, "", _table(("key", "takes", "default", ""), rows), ""]
    return "\n".join(parts).rstrip()


def _example_comments() -> dict[tuple[str, str], str]:
    """What config.example.toml says beside each key."""
    found: dict[tuple[str, str], str] = {}
    table = ""
    for row in (ROOT / "config.example.toml").read_text("utf-8").splitlines():
        if head := re.match(r"\[(\w+)\]", row):
            table = head[1]
        elif key := re.match(r"(?:# )?(\w+) = (?:\"[^\"]*\"|[^#])*(?:#\s*(.*))?$", row):
            found[table, key[1]] = (key[2] or "").strip()
    return found


def _takes(kind: object) -> str:
    """A type in the words of a config file."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return "a secret" if kind is SecretRef else "a table"
    choices = [each for each in get_args(kind) if each is not type(None)]
    if get_origin(kind) is Literal:
        return ", ".join(f"`{each}`" for each in choices)
    if get_origin(kind) is dict:
        return "a table"
    if get_origin(kind) is tuple:
        return f"a list of {_takes(choices[0])}"
    if choices:
        return _takes(choices[0])
    words = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
    return words.get(getattr(kind, "__name__", ""), "a UTC time")


def _toml(default: object, factory: object) -> str:
    """A default as a config file would say it."""
    value = factory() if callable(factory) else default
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple | list):
        return "[]" if not value else str(list(value)).replace("'", '"')
    if isinstance(value, dict | msgspec.Struct):
        return "{}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def known_failures() -> str:
    """Every known failure by family, each as `migration-cockpit failures ID` explains it."""
    lines: list[str] = []
    for family in failures.FAMILIES:
        mine = [each for each in failures.catalogue() if each.family == family]
        lines += [f"## {family.title}", ""]
        for each in mine:
            lines += [f"### {each.title}", "", f"`{each.id}`", ""]
            lines += [*_explained(each), ""]
    return "\n".join(lines).rstrip()


def _explained(failure: failures.Failure) -> list[str]:
    lines: list[str] = []
    heading, commands = "", False
    for said in failures.explain(failure, {}):
        if commands and not said.command:
            lines += ["```", ""]
        if said.command:
            lines += [said.text] if commands else ["```sh", said.text]
        else:
            text = re.sub(r"<(\w+)>", r"`<\1>`", said.text)
            lines += [text if said.heading == heading else f"**{said.heading}.** {text}", ""]
        heading, commands = said.heading, said.command
    return lines[:-1]


def _file(name: str, language: str) -> Callable[[], str]:
    return lambda: f"```{language}\n{(RIGHTS / name).read_text('utf-8').rstrip()}\n```"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines)


BLOCKS: Mapping[str, Callable[[], str]] = {
    "steps": steps,
    "keys": keys,
    "configuration": configuration,
    "replay": replay,
    "panes": panes,
    "faults": faults,
    "events": events,
    "needs": needs,
    "failures": known_failures,
    "rbac": _file("rbac.yaml", "yaml"),
    "postgres": _file("postgres.sql", "sql"),
    "iam": _file("iam.json", "json"),
}


def fresh(text: str) -> str:
    """A page with its generated parts as they should be. Raises KeyError for a part that is not known."""

    def block(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} -->\n{BLOCKS[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- (\w+) -->\n.*?<!-- end -->", block, text, flags=re.DOTALL)


def main() -> int:
    """Rewrite the pages in place."""
    for page in sorted(DOCS.glob("*.md")):
        before = page.read_text("utf-8")
        after = fresh(before)
        if after != before:
            page.write_text(after, "utf-8")
            print(f"wrote {page.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
