"""config.toml: what people get wrong in it is answered with the file, the key, what was found and what is taken."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migration_cockpit.cli import main
from migration_cockpit.config import ConfigError, Settings, load, parse

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"


def raw() -> dict[str, Any]:
    return tomllib.loads(EXAMPLE.read_text())


def required_keys() -> list[tuple[str, str]]:
    """Every key of the example that has no default."""
    keys = []
    for section in msgspec.structs.fields(Settings):
        types = getattr(section.type, "__args__", (section.type,))
        table = next(t for t in types if isinstance(t, type) and issubclass(t, msgspec.Struct))
        keys += [(section.name, key.name) for key in msgspec.structs.fields(table) if key.required]
    return keys


def test_the_example_loads_and_names_every_key() -> None:
    load(EXAMPLE)
    text = EXAMPLE.read_text()
    for section in msgspec.structs.fields(Settings):
        types = getattr(section.type, "__args__", (section.type,))
        table = next(t for t in types if isinstance(t, type) and issubclass(t, msgspec.Struct))
        assert f"[{section.name}]" in text
        for key in msgspec.structs.fields(table):
            assert f"{key.name} =" in text or f"[{section.name}.{key.name}]" in text or key.name == "kubeconfig", (
                key.name
            )


def test_the_defaults_that_the_example_shows_are_the_real_ones() -> None:
    shown = []
    for line in EXAMPLE.read_text().splitlines():
        if commented := re.match(r"# (\w+ = .+)", line):
            shown.append(commented[1])
        elif line.startswith("["):
            shown.append(line)
    settings = msgspec.json.decode(msgspec.json.encode(load(EXAMPLE)))
    optional = {
        "direct_dsn",
        "admin_dsn",
        "port_forward",
        "profile",
        "endpoint_url",
        "kubeconfig",
        "secret",
        "file",
        "env",
        "rates",
        "dags",
        "exceptions",
        "access_logs",
        "production_packages",
        "staging_packages",
        "target_packages",
        "staging_dsn",
        "staging_context",
        "staging_namespace",
        "staging_airflow",
        "staging_grafana",
        "staging_differs",
        "staging_runs",
        "smoke",
        "scratch_dsn",
        "team",
        "alertmanager",
    }
    for section, keys in tomllib.loads("\n".join(shown)).items():
        for key, value in keys.items():
            if key not in optional:
                assert settings[section][key] == value, f"{section}.{key}"


@pytest.mark.parametrize(("section", "key"), required_keys())
def test_a_missing_key_is_named(section: str, key: str) -> None:
    values = raw()
    del values[section][key]
    with pytest.raises(ConfigError, match=rf"c\.toml: {section}\.{key}: is missing"):
        parse(values, Path("c.toml"))


def test_a_word_that_is_not_taken_is_told_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"rollback\.repoint: found 'dns', takes swap or secret"):
        parse(raw() | {"rollback": {"repoint": "dns"}}, Path("c.toml"))
    with pytest.raises(ConfigError, match=r"slack\.updates: found 'maybe', takes ask or send or off"):
        parse(raw() | {"slack": {"webhook": {"env": "W"}, "updates": "maybe"}}, Path("c.toml"))


@pytest.mark.parametrize(("section", "key"), required_keys())
def test_a_wrong_type_is_named_with_what_is_taken(section: str, key: str) -> None:
    values = raw()
    values[section][key] = 17.5
    with pytest.raises(ConfigError, match=rf"c\.toml: {section}\.{key}: found (17\.5|a number), takes "):
        parse(values, Path("c.toml"))


def test_a_misspelt_key_gets_the_nearest_one() -> None:
    values = raw() | {"limits": {"drian": 60}}
    with pytest.raises(ConfigError, match=r"limits\.drian: is not a key; did you mean drain\?"):
        parse(values, Path("c.toml"))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("source_version", "2.9.3", "takes 2.10.3 to 2.11.x"),
        ("source_version", "2.11", "is not a version such as 2.11.2"),
        ("target_version", "2.11.2", "takes 3.0.0 or later"),
        ("target_version", "3.1", "is not a version"),
    ],
)
def test_a_version_that_cannot_be_flown_is_refused(key: str, value: str, says: str) -> None:
    values = raw()
    values["deployment"][key] = value
    with pytest.raises(ConfigError, match=says):
        parse(values, Path("c.toml"))


def test_steps_out_of_order_are_refused_by_both_names() -> None:
    values = raw()
    values["schedule"]["drain"] = values["schedule"]["announce"].replace(hour=8)
    with pytest.raises(
        ConfigError, match=r"schedule\.drain: found 2026-05-16T08:00:00Z, which is before schedule\.pause"
    ):
        parse(values, Path("c.toml"))


def test_a_time_without_a_zone_is_refused() -> None:
    values = raw()
    values["schedule"]["window_end"] = values["schedule"]["window_end"].replace(tzinfo=None)
    with pytest.raises(ConfigError, match=r"schedule\.window_end: has no zone"):
        parse(values, Path("c.toml"))


def test_a_secret_has_exactly_one_source() -> None:
    values = raw()
    values["postgres"]["dsn"] = {"env": "A", "file": "b"}
    with pytest.raises(ConfigError, match=r"postgres\.dsn: found env and file, takes exactly one"):
        parse(values, Path("c.toml"))


def test_files_are_relative_to_the_config_file(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(EXAMPLE.read_text())
    assert load(config).helm.values == (str(tmp_path / "values-3x.yaml"),)


@pytest.mark.parametrize(
    "content", [b"not toml at all [", b"\xff\xfe\x00", b"a = " + b"[" * 100_000], ids=["words", "bytes", "deep"]
)
def test_a_file_that_is_not_toml_ends_with_one_line_and_code_2(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_bytes(content)
    assert main(["plan", "--config", str(config)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"migration-cockpit: {config}: ")
    assert "Traceback" not in error
    assert error.count("\n") == 1


def test_an_unreadable_file_ends_with_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--config", str(tmp_path / "missing.toml")]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("postgres", "dsn", "postgresql://cockpit:hunter2@db/airflow"),
        ("slack", "webhook", ["https://hooks.example.com/hunter2"]),
        ("postgres", "dsn", {"value": ["hunter2"]}),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_printed(table: str, key: str, value: object) -> None:
    settings = raw()
    settings[table][key] = value
    with pytest.raises(ConfigError, match=rf"{table}\.{key}.*: found (text|a list), takes (a table|text)") as error:
        parse(settings, Path("config.toml"))
    assert "hunter2" not in str(error.value)


def test_a_secret_in_place_of_a_table_is_not_printed() -> None:
    with pytest.raises(ConfigError, match="postgres: found text, takes a table"):
        parse({**raw(), "postgres": "postgresql://cockpit:hunter2@db/airflow"}, Path("config.toml"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
@pytest.mark.parametrize(("table", "key"), [("limits", "soak"), ("cadence", "tasks"), ("rollback", "healthy")])
def test_a_wait_that_never_ends_is_refused(table: str, key: str, value: float) -> None:
    settings = raw()
    settings.setdefault(table, {})[key] = value
    with pytest.raises(ConfigError, match=rf"{table}\.{key}: found .*, takes a number up to 31536000"):
        parse(settings, Path("config.toml"))


@pytest.mark.parametrize("name", ["", "  ", "airflow\nprod", "\x1b[31mprod", "x" * 300])
def test_a_name_that_nobody_could_read_or_type_is_refused(name: str) -> None:
    settings = raw()
    settings["deployment"]["name"] = name
    with pytest.raises(ConfigError, match=r"deployment\.name: found .* takes "):
        parse(settings, Path("config.toml"))


def test_a_time_that_is_none_is_told_with_one_that_is() -> None:
    settings = raw()
    settings["schedule"]["pause"] = "tomorrow"
    with pytest.raises(ConfigError, match="found 'tomorrow', takes a UTC time such as 2026-05-16T09:00:00Z"):
        parse(settings, Path("config.toml"))
