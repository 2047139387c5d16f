"""The secrets of a world, each form in which one could leave, and a helm that says them all."""

from __future__ import annotations

import base64
import json
import math
import re
import stat
from configparser import ConfigParser
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

import yaml

from migration_cockpit import crash
from migration_cockpit.app.app import CockpitApp
from migration_cockpit.cli import main
from migration_cockpit.cockpit.replay.controls import ReplayDesk
from migration_cockpit.cockpit.replay.player import Player
from migration_cockpit.connections.kube import Kube
from migration_cockpit.session import journal
from migration_cockpit.session.recording import Recording

SHORTEST = 12
"""Shorter values are ordinary words, and so are those of the rehearsal that every page shows."""
ARGUMENT, ENVIRONMENT = "Canary/arg+p@ss%1x&y", "Canary/env+p@ss 1%x'y"
"""What stands on helm's command line and in the environment: each encoding spells them differently."""
UNKNOWN = "Canary-that-nobody-loaded"
"""A password that only helm knows: it is masked by the shape of where it stands."""
TALKATIVE = """#!/bin/sh
# A helm that fails while a file is there, and says what it should not.
if [ "$1" = upgrade ] && [ -e '{flag}' ]; then
  echo "Error: UPGRADE FAILED: cannot reach the release:" >&2
  cat '{told}' >&2
  exit 1
fi
exec '{real}' "$@"
"""


def forms(secret: str) -> set[str]:
    """A secret as it could reappear: as it is, URL-encoded, base64 of it and of a text around it, JSON-escaped."""
    quoted = {quote(secret, safe=""), quote_plus(secret)}
    lower = {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), each) for each in quoted}
    coded = set()
    for before in (b"", b"a", b"ab"):
        whole = base64.b64encode(before + secret.encode()).decode()
        # Without the characters that the text before it and the one after it have a part in.
        coded.add(whole[math.ceil(len(before) * 4 / 3) : (len(before) + len(secret.encode())) * 4 // 3])
    return {secret, *quoted, *lower, *coded, json.dumps(secret)[1:-1]}


def planted(world: Path) -> dict[str, str]:
    """Where each secret of the config comes from, and the secret."""
    found = {path.name: path.read_text(encoding="utf-8").strip() for path in (world / "secrets").iterdir()}
    found["password in the DSN"] = urlsplit(found["dsn"]).password or ""
    found["path of the webhook"] = urlsplit(found["slack-webhook"]).path
    for user in yaml.safe_load((world / "kubeconfig").read_text(encoding="utf-8"))["users"]:
        found[f"token of {user['name']}"] = user["user"].get("token", "")
    profiles = ConfigParser()
    profiles.read(world / "aws-credentials")
    found["AWS secret access key"] = profiles["rehearsal"]["aws_secret_access_key"]
    found |= {"argument of helm": ARGUMENT, "environment": ENVIRONMENT}
    return {name: value for name, value in found.items() if len(value) >= SHORTEST}


async def of_the_cluster(kube: Kube) -> dict[str, str]:
    """The values of the namespace's Secrets, Helm's own records aside."""
    values = {}
    for each in await kube.list("secrets", field="type=Opaque"):
        for key, data in (each.get("data") or {}).items():
            value = base64.b64decode(data).decode(errors="replace")
            if len(value) >= SHORTEST and len(value.split()) == 1:
                values[f"Secret {each['metadata']['name']}/{key}"] = value
    return values


class TalkativeHelm:
    """The world's helm, which says every secret in every form and fails for as long as it is `talking`."""

    def __init__(self, world: Path, directory: Path, secrets: dict[str, str]) -> None:
        told, self._flag, self.path = directory / "told", directory / "talks", directory / "talkative-helm"
        said = sorted({form for each in secrets.values() for form in forms(each)})
        told.write_text("\n".join([f"postgresql://somebody:{UNKNOWN}@db.example/x", *said]) + "\n", "utf-8")
        self.path.write_text(TALKATIVE.format(flag=self._flag, told=told, real=world / "helm"), encoding="utf-8")
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)

    def talk(self, yes: bool) -> None:
        """Begin or end to fail."""
        self._flag.touch() if yes else self._flag.unlink()


async def left_behind(session: Path, directory: Path, secrets: dict[str, str]) -> dict[str, str]:
    """All that a session leaves: journal, artifacts but the dump, reports, screens of its replay, a crash."""
    left = {}
    for suffix in ("html", "md"):
        assert main(["report", str(session), "-o", str(directory / f"report.{suffix}")]) == 0
        left[f"report.{suffix}"] = (directory / f"report.{suffix}").read_text(encoding="utf-8")
    for path in [session / journal.FILE, *(session / "artifacts").iterdir()]:
        if path.suffix != ".dump":
            left[path.name] = path.read_text(encoding="utf-8", errors="replace")
    player = Player(Recording(session / journal.FILE))
    app = CockpitApp(player, ReplayDesk(player))
    async with app.run_test(size=(200, 60)):
        track = app.shown.track
        assert track is not None
        for step, at in track.steps.items():
            player.to_time(at)
            app.draw()
            left[f"screen at {step}"] = app.export_screenshot()
        await player.stop("seen")
    try:
        _crash("\n".join(form for each in secrets.values() for form in forms(each)))
    except RuntimeError as error:
        left["crash"] = crash.report(error)
    return left


def _crash(text: str) -> None:
    raise RuntimeError(text)


def leaks(secrets: dict[str, str], left: dict[str, str]) -> list[str]:
    """Which secret is in what, in any of its forms."""
    return [
        f"{source} in {where}, as {form!r}"
        for source, value in {**secrets, "one that nobody loaded": UNKNOWN}.items()
        for where, text in left.items()
        for form in forms(value)
        if form in text
    ]
