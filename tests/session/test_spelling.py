"""A secret in each of the forms in which it can come back is masked, and ordinary words are not."""

from __future__ import annotations

import base64
import html
import json
import shlex
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import msgspec
import pytest

from migration_cockpit.session import confidential
from migration_cockpit.session import events as ev
from migration_cockpit.session.redact import MASK, Redactor, clean_everywhere, of_environment

SECRETS = {
    "DSN": "postgresql://cockpit:p%40ss%2Fw0rd+x@db.example:5432/metadata",
    "password": "p@ss/w0rd é'\"\\ &<%>x",
    "token": "glsa_4oQ-xyz+abc/def==",
    "odd": "//++//++",
    "key": "-----BEGIN EC KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX\n-----END EC KEY-----",
}
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, lower case": lambda text: _lower(quote(text, safe="")),
    "percent, the path's way": quote,
    "percent, the form's way": quote_plus,
    "percent, the form's way, lower case": lambda text: _lower(quote_plus(text)),
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[1:-1],
    "JSON of JavaScript": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON of Go": lambda text: json.dumps(text)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c"),
    "HTML": html.escape,
    "shell": shlex.quote,
    "repr": lambda text: repr(text)[1:-1],
}


def _lower(text: str) -> str:
    parts = text.split("%")
    return parts[0] + "".join("%" + part[:2].lower() + part[2:] for part in parts[1:])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SECRETS)
def test_each_spelling_is_masked(name: str, form: str) -> None:
    redactor = Redactor()
    redactor.register(SECRETS[name])
    spelled = FORMS[form](SECRETS[name])
    assert spelled not in (cleaned := redactor.clean(f"it said {spelled}, then ended"))
    assert MASK in cleaned
    assert cleaned.startswith("it said ")
    assert cleaned.endswith(", then ended")


@pytest.mark.parametrize("coder", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("name", SECRETS)
def test_base64_is_masked_wherever_it_begins(name: str, coder: Callable[[bytes], bytes]) -> None:
    redactor = Redactor()
    redactor.register(SECRETS[name])
    for before in ("", "a", "ab", "abc", "user:", "airflow:"):
        for after in ("", "x", "xy", "xyz", "@host"):
            coded = coder(f"{before}{SECRETS[name]}{after}".encode()).decode()
            for spelled in (coded, coded.rstrip("="), quote(coded, safe=""), coded.replace("/", "\\/")):
                cleaned = redactor.clean(f"Basic: {spelled} .")
                assert MASK in cleaned, (before, after)
                left = cleaned.replace(MASK, "").removeprefix("Basic: ").removesuffix(" .")
                # What is left is what base64 makes of the neighbours.
                assert len(left) <= len(base64.b64encode((before + after).encode())) + 6, (cleaned, spelled)


@pytest.mark.parametrize("name", SECRETS)
def test_what_base64_makes_of_the_secret_alone_is_masked_on_a_line_of_its_own(name: str) -> None:
    redactor = Redactor()
    redactor.register(SECRETS[name])
    octets = SECRETS[name].encode()
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + octets).decode()
        core = coded[-(-offset * 8 // 6) : (offset + len(octets)) * 8 // 6]
        assert redactor.clean(f"said:\n{core}\n.") == f"said:\n{MASK}\n."
        # Cleaned inside JSON it stays JSON.
        assert json.loads(redactor.clean(json.dumps(f"said:\n{core}\n."))) == f"said:\n{MASK}\n."


@pytest.mark.parametrize(
    ("dsn", "password"),
    [
        ("postgresql+psycopg2://airflow:p%40ss%2Fw0rd@db:5432/airflow", "p@ss/w0rd"),
        ("host=db user=airflow password=hunter22 dbname=airflow", "hunter22"),
        ("host=db password='it''s no\\'t' dbname=airflow", "it"),
        ("host=db password='hunter\\' 22'", "hunter' 22"),
        ('{"username": "airflow", "password": "hunter22"}', "hunter22"),
    ],
)
def test_the_password_in_a_secret_is_one_too(dsn: str, password: str) -> None:
    if len(password) < 4:
        return
    redactor = Redactor()
    redactor.register(dsn)
    assert redactor.clean(f"FATAL: {password} is wrong") == f"FATAL: {MASK} is wrong"
    assert redactor.clean(quote(password, safe="")) == MASK


@pytest.mark.parametrize(
    "said",
    [
        "could not connect to postgresql://airflow:Unknown-1@db.example:5432/airflow",
        "> Authorization: Bearer Unknown-1.abcdefghijklmnop",
        "> authorization: basic dXNlcjpVbmtub3duLTE=",
        "connection failed: host=db password=Unknown-1 dbname=airflow",
        "posted to https://hooks.slack.com/services/T0/B0/Unknown-1",
        "-----BEGIN RSA PRIVATE KEY-----\nUnknown-1\n-----END RSA PRIVATE KEY-----",
        "signed with eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.Unknown-1_abcde",
    ],
)
def test_what_nobody_loaded_is_masked_by_its_shape(said: str) -> None:
    cleaned = Redactor().clean(said)
    assert "Unknown-1" not in cleaned
    assert "dXNlcjpVbmtub3duLTE" not in cleaned
    assert MASK in cleaned


ORDINARY = [
    "the latest test of testing contested it",
    "http://localhost:8080/api/v2/version and user@example.com, http://host:1/a@b",
    "password authentication failed for user airflow",
    "PGPASSWORD=$(kubectl get secret x) password=<from the Secret>",
    "kubectl patch secret airflow-metadata --type=merge",
    "basic authentication is on, the bearer is gone",
    "--set createUserJob.enabled=false --set secretName=airflow-metadata",
    "Migrated 10000 task_instance rows, 1234567 to go",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_are_left_alone(text: str) -> None:
    redactor = Redactor(["airflow", "airflow-prod"])
    for secret in (
        "test",
        "airflow",
        "password",
        "secret",
        "failed",
        "123",
        "4567",
        "postgresql://airflow:airflow@h/x",
    ):
        redactor.register(secret)
    cleaned = redactor.clean(text)
    assert cleaned.replace(MASK, "test") == text
    assert cleaned.count(MASK) == text.split().count("test")


def test_names_that_are_learned_later_stay_legible() -> None:
    redactor = Redactor()
    redactor.register("postgresql://u:sales-daily@db/x")
    assert redactor.clean("dag sales-daily") == f"dag {MASK}"
    redactor.keep_legible(["sales-daily-report"])
    assert redactor.clean("dag sales-daily") == "dag sales-daily"
    assert redactor.clean("postgresql://u:sales-daily@db/x") == MASK


def test_values_that_are_called_like_a_secret() -> None:
    values = {
        "data": {"metadataConnection": {"user": "airflow", "pass": "hunter22", "port": "5432"}},
        "env": [{"name": "SENTRY_TOKEN", "value": "abcdef12"}, {"name": "LANG", "value": "C.UTF-8"}],
        "fernetKeySecretName": "fernet",
        "webserverSecretKey": "no-word-of-this",
        "enabled": True,
    }
    found = set(confidential.called_secret(values))
    assert found == {"hunter22", "abcdef12", "no-word-of-this"}
    told = json.dumps(confidential.masked(values, MASK))
    assert not any(each in told for each in found)
    assert "fernet" in told


def test_secrets_in_a_command_line() -> None:
    line = [
        "--set",
        "a.password=hunter22,b=1",
        "--set-string=x.token=abcdef12",
        "--kube-token",
        "0123456789",
        "-f",
        "x",
    ]
    assert set(confidential.in_arguments(line)) == {"hunter22", "abcdef12", "0123456789"}


def test_secrets_of_the_environment() -> None:
    environment = {"PGPASSWORD": "hunter22", "SSH_KEY_PATH": "/home/x/id_rsa", "LANG": "C.UTF-8-long", "TOKEN": "x"}
    assert set(of_environment(environment)) == {"hunter22"}


def test_the_last_resort_knows_what_each_redactor_knows() -> None:
    one, two = Redactor(), Redactor()
    one.register("first-secret-1")
    two.register("second-secret-2")
    assert clean_everywhere("first-secret-1 second-secret-2") == f"{MASK} {MASK}"


def test_cleaning_is_cheap() -> None:
    """A hundred secrets cost an event less than a few times what writing its JSON does; measured in CPU time."""
    redactor = Redactor()
    redactor.register_all(f"secret/number-{number}+{number * 7919:x}" for number in range(100))
    event = ev.LogLine(source="helm", text="Migrated 10000 task_instance rows of the batch " * 10)
    text = msgspec.json.encode(event).decode()

    def cost(work: Callable[[], object]) -> float:
        begun = time.process_time()
        for _ in range(2000):
            work()
        return time.process_time() - begun

    cleaning = min(cost(lambda: redactor.clean(text)) for _ in range(3))
    reading = min(cost(lambda: json.loads(json.dumps(json.loads(text)))) for _ in range(3))
    assert cleaning < 8 * reading, f"{cleaning / reading:.1f} times"
    print(f"{cleaning / 2000 * 1e6:.0f} µs an event, {cleaning / reading:.1f} times reading and writing its JSON")
