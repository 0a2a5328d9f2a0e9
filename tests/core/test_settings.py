from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import UnsafeSettings
from core.settings import PREFIX, Settings, group_rules, load_settings, settings_table

SECRET = "a long secret that somebody made at random"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("OVERLEV_"):
            monkeypatch.delenv(name)


def refusal() -> str:
    with pytest.raises(UnsafeSettings) as refused:
        load_settings()
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2
    return str(refused.value)


def test_without_any_setting_everything_stands_in_one_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    monkeypatch.chdir("/")

    assert settings.data == tmp_path / "data"
    assert settings.database_url_in_use == f"sqlite:///{tmp_path}/data/overlev.db"
    assert settings.keys_url_in_use == f"sqlite:///{tmp_path}/data/keys.db"
    assert settings.secret_key is None
    assert settings.small_number_threshold == 5


def test_the_command_line_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OVERLEV_DATA", "/srv/other")

    assert load_settings().data == Path("/srv/other")
    assert load_settings(data=tmp_path).data == tmp_path


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_postgres_address_is_taken_as_people_write_it(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("OVERLEV_DATABASE_URL", f"{scheme}://me:pw@db/overlev")

    assert load_settings().database_url_in_use == "postgresql+psycopg://me:pw@db/overlev"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERLEV_SECRET_KEY", "")
    monkeypatch.setenv("OVERLEV_DATABASE_URL", "")

    assert load_settings().secret_key is None


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "KEYS_URL"])
def test_a_secret_may_come_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    value = SECRET if name == "SECRET_KEY" else "postgresql+psycopg://me:pw@db/some"
    (tmp_path / "secret").write_text(value + "\n")
    monkeypatch.setenv(f"OVERLEV_{name}_FILE", str(tmp_path / "secret"))

    read = getattr(load_settings(), name.lower())

    assert (read if isinstance(read, str) else read.get_secret_value()) == value


def test_a_secret_both_ways_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    monkeypatch.setenv("OVERLEV_SECRET_KEY_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("OVERLEV_SECRET_KEY", SECRET)

    assert "keep one" in refusal()


def test_a_secret_file_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OVERLEV_SECRET_KEY_FILE", str(tmp_path / "nowhere"))

    assert "OVERLEV_SECRET_KEY_FILE names a file that cannot be read" in refusal()


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "METRICS_TOKEN"])
def test_a_secret_file_that_is_empty_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret").write_text("\n")
    monkeypatch.setenv(f"OVERLEV_{name}_FILE", str(tmp_path / "secret"))

    assert f"OVERLEV_{name}_FILE names an empty file" in refusal()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("OVERLEV_DATABSE_URL", "did you mean OVERLEV_DATABASE_URL?"),
        ("OVERLEV_SECRET_KEYFILE", "did you mean OVERLEV_SECRET_KEY_FILE?"),
        ("OVERLEV_PUBLIC_URL_FILE", "did you mean OVERLEV_PUBLIC_URL?"),
        ("OVERLEV_WEATHER", "README"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, typed: str, meant: str
) -> None:
    monkeypatch.setenv(typed, "x")

    assert typed in (said := refusal())
    assert meant in said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "mysql://me:geheim@db/overlev", "neither sqlite"),
        ("DATABASE_URL", "geheim", "neither sqlite"),
        ("DATABASE_URL", "postgresql://me:geheim/x@db/overlev", "cannot be read"),
        ("DATABASE_URL", "postgresql://me:ge@heim/x@db/overlev", "cannot be read"),
        ("DATABASE_URL", "postgresql://me:x@geheim@db/overlev", "cannot be read"),
        ("DATABASE_URL", "postgresql://me:12#x@geheim@db/overlev", "cannot be read"),
        ("DATABASE_URL", "postgresql://me:geheim#x@db/overlev", "cannot be read"),
        ("DATABASE_URL", "postgresql://me:[geheim@db/overlev", "cannot be read"),
        ("DATABASE_URL", "postgresql://me:geheim\u2100@db/overlev", "cannot be read"),
        ("KEYS_URL", "postgresql://me@/overlev?port=geheim", "cannot be read"),
        ("DATABASE_URL", "sqlite://", "in memory"),
        ("KEYS_URL", "sqlite:///:memory:", "in memory"),
        ("SMALL_NUMBER_THRESHOLD", "2", "below 3"),
        ("SMALL_NUMBER_THRESHOLD", "geheim", "is not a whole number"),
        ("WEB_PROCESSES", "zero", "WEB_PROCESSES: is not a whole number from 1 to 16"),
        ("WEB_PROCESSES", "1.5", "is not a whole number from 1 to 16"),
        ("WEB_PROCESSES", "0", "is not a number from 1 to 16"),
        ("WEB_PROCESSES", "17", "is not a number from 1 to 16"),
        ("SMS_TIMEOUT", "geheim", "is not a number above 0"),
        ("SMS_PER_SECOND", "-1", "is not a number above 0"),
        ("SMTP_PORT", "25e", "is not a whole number from 1 to 65535"),
        ("DEBUG", "geheim", "is not 1 or 0"),
        ("SMTP_SECURITY", "geheim", "'starttls', 'tls' or 'none'"),
        ("PUBLIC_URL", "http://overlev.example", "https"),
        ("PUBLIC_URL", "overlev.example", "not an address"),
        ("PUBLIC_URL", "https://me:geheim@overlev.example", "leave them out"),
        ("PUBLIC_URL", "https://overlev.example:geheim", "not an address"),
        ("PUBLIC_URL", "https://overlev.example:99999", "not an address"),
        ("PUBLIC_URL", "https://geheim\u2100", "not an address"),
        ("TWILIO_API_BASE", "http://api.example", "https"),
        ("TWILIO_ACCOUNT_SID", "geheim", "belong together"),
    ],
)
def test_an_unsafe_setting_stops_the_start_with_one_line_that_quotes_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"OVERLEV_{name}", value)

    line = refusal()
    assert said in line
    assert f"OVERLEV_{name}" in line
    assert "geheim" not in line


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000/", "http://localhost", "http://[::1]"])
def test_on_this_machine_http_will_do(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("OVERLEV_PUBLIC_URL", address)

    assert load_settings().public_url == address.rstrip("/")


@pytest.mark.parametrize(
    ("database", "keys"),
    [
        ("postgresql://a@corp:x@db/overlev", "postgres://b:y@db/overlev"),
        ("postgresql://a:x@db/overlev", "postgres://b:y@db:5432/overlev?sslmode=require"),
        ("postgresql+psycopg://a@/overlev?host=/run/pg", "postgresql://b@/overlev?host=/run/pg"),
        ("sqlite:///one.db", "sqlite:///./one.db"),
    ],
)
def test_keys_in_the_same_database_are_refused(
    monkeypatch: pytest.MonkeyPatch, database: str, keys: str
) -> None:
    monkeypatch.setenv("OVERLEV_DATABASE_URL", database)
    monkeypatch.setenv("OVERLEV_KEYS_URL", keys)

    assert "keys must stand apart" in refusal()


def test_keys_in_another_database_of_the_same_server_are_welcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OVERLEV_DATABASE_URL", "postgresql://a@/overlev?host=/run/pg")
    monkeypatch.setenv("OVERLEV_KEYS_URL", "postgresql://a@/keys?host=/run/pg")

    assert load_settings().keys_url_in_use.endswith("/keys?host=/run/pg")


def test_groups_of_an_identity_provider_are_read_in_order() -> None:
    written = "/helse=bergen=health:bergen, skien ; 8f1c-22=directorate;"

    assert group_rules(written) == (
        ("/helse=bergen", "health", ("bergen", "skien")),
        ("8f1c-22", "directorate", ()),
    )
    for wrong in ("helse", "=health", "helse="):
        with pytest.raises(ValueError, match="is not a list like"):
            group_rules(wrong)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_SENDER": "Overlev"}, "belong together"),
        ({"TWILIO_AUTH_TOKEN": "geheim"}, "belong together"),
        ({"TWILIO_REGION": "ie1"}, "_REGION and _EDGE"),
        ({"SMS_LEASE": "13"}, "SMS_LEASE must be longer"),
        ({"SMS_TIMEOUT": "30"}, "SMS_LEASE must be longer"),
        ({"SMS_LIST_LAG": "60", "SMS_LEASE": "90"}, "SMS_LOOK_AFTER must be more than twice"),
        ({"OIDC_ISSUER": "https://id.example"}, "OIDC_ISSUER, _CLIENT_ID"),
        ({"OIDC_ISSUER": "http://id.example"}, "OIDC_ISSUER: must be https"),
        ({"OIDC_GROUPS": "helse"}, "OIDC_GROUPS: is not a list"),
        ({"LOCAL_SIGN_IN": "false"}, "LOCAL_SIGN_IN is off and no provider"),
        ({"SMTP_HOST": "mail.example"}, "SMTP_HOST and _FROM"),
        ({"SMTP_USER": "overlev"}, "SMTP_USER and _PASSWORD"),
        (
            {"SMTP_HOST": "mail.example", "SMTP_FROM": "a@b.no", "SMTP_SECURITY": "none"},
            "on this machine only",
        ),
        ({"CONTACT_PHONE": "resepsjonen"}, "not one phone number"),
    ],
)
def test_settings_of_messages_that_do_not_fit_together_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"OVERLEV_{name}", value)

    assert said in (line := refusal())
    assert "geheim" not in line


def test_no_secret_shows_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERLEV_SECRET_KEY", SECRET)
    monkeypatch.setenv("OVERLEV_DATABASE_URL", "postgresql://me:geheim@db/overlev")

    shown = repr(load_settings()) + str(load_settings())
    assert SECRET not in shown
    assert "geheim" not in shown


def test_the_table_for_the_readme_names_every_setting_with_a_meaning() -> None:
    rows = {row.name: row for row in settings_table()}

    assert {PREFIX + name.upper() for name in Settings.model_fields} == set(rows)
    assert all(row.meaning for row in rows.values())
    assert rows["OVERLEV_SMALL_NUMBER_THRESHOLD"].default == "5"
    assert "OVERLEV_SECRET_KEY_FILE" in rows["OVERLEV_SECRET_KEY"].meaning
