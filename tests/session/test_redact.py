"""What was loaded as a secret leaves in no form, and ordinary words stay legible."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from migration_cockpit.session.redact import MASK, Redactor, clean_everywhere

SECRET = "p@ss/word+ with=ümlaut&"
BEFORE = ("", "a", "ab", "abc", "user:", "postgresql://airflow:")


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        quote(SECRET, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%40", "%40").replace("%C3", "%c3")
        .replace("%BC", "%bc").replace("%3D", "%3d"),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(quote_plus(SECRET)),
    ],
)  # fmt: skip
def test_a_secret_is_masked_in_every_form(form: str) -> None:
    redactor = Redactor()
    redactor.register(SECRET)
    cleaned = redactor.clean(f"before {form} after")
    assert MASK in cleaned
    assert "word" not in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("after", ["", "@", "@host", "@host/db"])
@pytest.mark.parametrize("secret", ["s3cr3t-of-some-length", "?>?>?>?>?>?>secret"])
def test_base64_of_any_text_that_holds_it_is_masked(before: str, after: str, secret: str) -> None:
    redactor = Redactor()
    redactor.register(secret)
    whole = coded(before + secret + after)
    for text in (whole, whole.replace("+", "-").replace("/", "_")):
        cleaned = redactor.clean(text)
        assert MASK in cleaned, text
        # What is left shows less than three characters of the secret, at its ends.
        assert len(cleaned.replace(MASK, "")) <= len(coded(before)) + len(coded(after)) + 8


@pytest.mark.parametrize(
    ("secret", "inside"),
    [
        ("postgresql://airflow:dB%2Fpass%40word@host/airflow", "dB/pass@word"),
        ("postgresql://airflow:dB%2Fpass%40word@host/airflow", "dB%2fpass%40word"),
        ("host=db user=airflow password=plain-password dbname=airflow", "plain-password"),
        ("host=db password='with a blank' dbname=airflow", "with a blank"),
        ("https://hooks.slack.com/services/T0000/B0000/abcdefghijklm", "/services/T0000/B0000/abcdefghijklm"),
    ],
)
def test_what_is_secret_by_itself_inside_a_secret_is_masked(secret: str, inside: str) -> None:
    redactor = Redactor()
    redactor.register(secret)
    assert inside not in redactor.clean(f"cannot connect: {inside} is wrong")


def test_words_of_the_world_stay_legible() -> None:
    redactor = Redactor(["airflow-prod"])
    for word in ("airflow", "postgres", "migrate", "abc", ""):
        redactor.register(word)
    text = "airflow-prod: step migrate, postgres abc"
    assert redactor.clean(text) == text


def test_values_of_a_release_are_known_by_their_keys() -> None:
    redactor = Redactor()
    redactor.register_values(
        {
            "fernetKey": "fernet-0123456789",
            "data": {"metadataConnection": {"user": "somebody-known", "pass": "pass-0123456789"}},
            "extraEnv": [{"name": "X", "token": "token-0123456789"}],
            "webserverSecretKeySecretName": "name-of-a-secret",
            "existingSecret": "name-of-a-secret",
            "broker": "redis://:redis-0123456789@redis:6379/0",
        }
    )
    said = redactor.clean(
        "fernet-0123456789 pass-0123456789 token-0123456789 somebody-known name-of-a-secret redis-0123456789"
    )
    assert said == f"{MASK} {MASK} {MASK} somebody-known name-of-a-secret {MASK}"


def test_what_helm_is_told_inline_is_masked() -> None:
    redactor = Redactor()
    redactor.register_arguments(["--set", "a.b=plain,data.pass=inline-one", "--set-string=apiSecretKey=inline-two"])
    assert redactor.clean("plain inline-one inline-two") == f"plain {MASK} {MASK}"


def test_a_crash_is_told_without_secrets() -> None:
    redactor = Redactor()
    redactor.register("crash-secret-value")
    assert clean_everywhere("ValueError: crash-secret-value") == f"ValueError: {MASK}"
