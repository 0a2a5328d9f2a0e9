"""Settings from the environment (`OVERLEV_*`), checked before anything starts.

Every secret can also be given as a file: `OVERLEV_SECRET_KEY_FILE=/run/secrets/key`. Unsafe,
contradictory or misspelt settings raise `UnsafeSettings` with one clear line that never quotes a
value, because a value may be a secret. `settings_table` is what the README's table is made from.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, JsonValue, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from core.errors import UnsafeSettings

PREFIX: Final = "OVERLEV_"
FILE_SUFFIX: Final = "_FILE"
LEAST_THRESHOLD: Final = 3

# Not settings of the program: the entry script and the tests read these themselves.
NOT_OURS: Final = ("TEST_", "BOOTSTRAP_")


# As SQLAlchemy reads it: the first @ after the colon ends the password. One may stand in a name.
_HOST_WITH_AN_AT: Final = re.compile(r"[^:/]*:[^@]*@[^/?]*@")

_PHONE: Final = re.compile(r"\+?[0-9](?: ?[0-9]){2,14}", re.ASCII)

# What a value had to be, by the first word of pydantic's name for the error.
_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "bool": "1 or 0",
    "greater": "a number",
    "less": "a number",
}

# A field that may also come from a file and is never shown.
_SECRET: Final[dict[str, JsonValue]] = {"secret": True}


class _FromFiles(PydanticBaseSettingsSource):
    """Reads `OVERLEV_<NAME>_FILE` for the fields that are secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        name = PREFIX + field_name.upper()
        where = os.environ.get(name + FILE_SUFFIX)
        if not where or not is_secret(field):
            return None, field_name, False
        if os.environ.get(name):
            raise UnsafeSettings(f"{name} and {name}{FILE_SUFFIX} are both set: keep one of them")
        try:
            read = Path(where).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise UnsafeSettings(
                f"{name}{FILE_SUFFIX} names a file that cannot be read: check the path and its mode"
            ) from None
        if not read:  # a secret that was not put in place; as if none were set it would start
            raise UnsafeSettings(
                f"{name}{FILE_SUFFIX} names an empty file: put the secret there, or unset it"
            )
        return read, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field_name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, field_name)
            if value is not None:
                found[field_name] = value
        return found


class Settings(BaseSettings):
    """What the installation was told. Make one with `load_settings`, once, at the edge."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    data: Path = Field(Path("data"), description="folder for the databases, keys and logs")
    database_url: str = Field(
        "",
        description="the domain database, SQLite or Postgres;"
        " default `overlev.db` in the data folder",
        repr=False,
        json_schema_extra=_SECRET,
    )
    keys_url: str = Field(
        "",
        description="the key store, apart from the domain database;"
        " default `keys.db` in the data folder",
        repr=False,
        json_schema_extra=_SECRET,
    )
    secret_key: SecretStr | None = Field(
        None,
        description="what all keys are derived from, at least 32 characters (several divided"
        " by commas, newest first); without it `secrets.json` in the data folder holds the keys",
        repr=False,
        json_schema_extra=_SECRET,
    )
    public_url: str | None = Field(
        None, description="address people use, https except on this machine"
    )
    web_processes: int | None = Field(
        None,
        ge=1,
        le=16,
        description="web processes that `up` starts, about 110 MB each;"
        " default 2 from four cores on, else 1",
    )
    small_number_threshold: int = Field(
        5, description=f"counts below it are hidden in published tables, at least {LEAST_THRESHOLD}"
    )
    backup_dir: Path | None = Field(
        None,
        description="where the calendar's backups go, best another disk;"
        " default `backups` in the data folder",
    )
    metrics_token: SecretStr | None = Field(
        None,
        description="the bearer token that `/metrics` asks for; without it only this machine is"
        " answered there",
        repr=False,
        json_schema_extra=_SECRET,
    )
    debug: bool = Field(
        default=False,
        description="1 shows where a fault of ours happened: places in the code, no values",
    )
    contact_phone: str = Field(
        "22 00 00 00",
        description="the neutral number that messages to persons name, where a unit has none;"
        " never a prison's",
    )
    twilio_account_sid: str | None = Field(
        None, description="SMS account at Twilio; without it messages are shown, not sent"
    )
    twilio_auth_token: SecretStr | None = Field(
        None, description="its secret", repr=False, json_schema_extra=_SECRET
    )
    twilio_sender: str | None = Field(
        None, description="what messages come from: a number, a messaging service (MG…) or a name"
    )
    twilio_api_base: str = Field(
        "https://api.twilio.com", description="the SMS provider's address; a stand-in for tests"
    )
    twilio_region: str | None = Field(
        None, description="Twilio region that holds the data, like `ie1`; needs the edge too"
    )
    twilio_edge: str | None = Field(None, description="Twilio edge of that region, like `dublin`")
    twilio_webhook_secret: SecretStr | None = Field(
        None,
        description="SharedKey secrets that Twilio signs webhooks with, divided by commas;"
        " without them only the auth token is known",
        repr=False,
        json_schema_extra=_SECRET,
    )
    sms_timeout: float = Field(8.0, gt=0, description="seconds one call to the provider may take")
    sms_list_lag: float = Field(
        5.0, ge=0, description="seconds until the provider lists a message it accepted"
    )
    sms_lease: float = Field(
        24.0, gt=0, description="seconds a worker holds a message; more than the two above together"
    )
    sms_look_after: float = Field(
        120.0, gt=0, description="seconds between look-ups of a message nobody knows about"
    )
    sms_per_second: float = Field(
        180.0, gt=0, description="calls a second to the provider at most, for each worker"
    )
    sms_at_once: int = Field(
        32, ge=1, le=64, description="calls to the provider under way at once, for each worker"
    )
    smtp_host: str | None = Field(
        None, description="mail server for digests to staff; without it there is no mail"
    )
    smtp_port: int = Field(587, ge=1, le=65_535, description="its port")
    smtp_user: str | None = Field(None, description="name to sign in with there, if it asks")
    smtp_password: SecretStr | None = Field(
        None, description="the password", repr=False, json_schema_extra=_SECRET
    )
    smtp_from: str | None = Field(None, description="address that mail comes from")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="`starttls`, `tls`, or `none` (on this machine only)"
    )

    oidc_issuer: str | None = Field(
        None, description="identity provider that staff sign in through (OpenID Connect)"
    )
    oidc_client_id: str | None = Field(None, description="what Overlev is called there")
    oidc_client_secret: SecretStr | None = Field(
        None, description="its secret there", repr=False, json_schema_extra=_SECRET
    )
    oidc_name: str = Field("virksomheten", description="what the button calls the provider")
    oidc_scope: str = Field("openid profile", description="what is asked for there")
    oidc_groups_claim: str = Field(
        "groups", description="where the ID token holds a person's groups"
    )
    oidc_groups: str = Field(
        "",
        description="which group has which role and units, the first that fits counts:"
        " `GROUP=role:unit,unit; GROUP=role`",
    )
    oidc_acr: str = Field(
        "",
        description="ways of having proved who one is (`acr`) that are good enough, divided by"
        " blanks; empty: whatever the provider accepts",
    )
    local_sign_in: bool = Field(
        default=True,
        description="whether passwords let in beside the provider; `true` again and a restart is"
        " the way in when the provider is gone",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings  # one source each: the environment, named files
        return init_settings, _FromFiles(settings_cls), env_settings

    @field_validator("data", "backup_dir")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        # A later change of directory must not move the folder.
        return None if folder is None else folder.expanduser().absolute()

    @field_validator("database_url", "keys_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        return _database_url(url) if url else url

    @field_validator("public_url")
    @classmethod
    def _public(cls, url: str | None) -> str | None:
        return None if url is None else _web_address(url, "https outside this machine")

    @field_validator("twilio_api_base")
    @classmethod
    def _api_base(cls, url: str) -> str:
        return _web_address(url, "https, or http to a stand-in on this machine")

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, url: str | None) -> str | None:
        # As the provider writes it, with a slash at its end or without: it is compared exactly.
        if url is not None:
            _web_address(url, "https, or http to a stand-in on this machine")
        return url

    @field_validator("oidc_groups")
    @classmethod
    def _groups(cls, rules: str) -> str:
        group_rules(rules)
        return rules

    @field_validator("contact_phone")
    @classmethod
    def _one_number(cls, phone: str) -> str:
        if _PHONE.fullmatch(phone) is None:
            raise ValueError("is not one phone number: digits, blanks, a leading +")
        return phone

    @field_validator("small_number_threshold")
    @classmethod
    def _hides_something(cls, threshold: int) -> int:
        if threshold < LEAST_THRESHOLD:
            raise ValueError(f"is below {LEAST_THRESHOLD}, which would hide nobody: raise it")
        return threshold

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if _place(self.database_url_in_use) == _place(self.keys_url_in_use):
            raise ValueError(
                f"{PREFIX}KEYS_URL and {PREFIX}DATABASE_URL name the same database:"
                " keys must stand apart, or a backup undoes every erasure"
            )
        sms = (self.twilio_account_sid, self.twilio_auth_token, self.twilio_sender)
        if any(sms) and not all(sms):
            raise ValueError(
                f"{PREFIX}TWILIO_ACCOUNT_SID, _AUTH_TOKEN and _SENDER belong together:"
                " set all three or none"
            )
        if bool(self.twilio_region) != bool(self.twilio_edge):
            raise ValueError(f"{PREFIX}TWILIO_REGION and _EDGE belong together: set both or none")
        if self.sms_lease <= self.sms_timeout + self.sms_list_lag:
            raise ValueError(
                f"{PREFIX}SMS_LEASE must be longer than {PREFIX}SMS_TIMEOUT and _LIST_LAG together,"
                " or a message in mid-sending is taken for lost"
            )
        if self.sms_look_after <= 2 * self.sms_list_lag:
            raise ValueError(
                f"{PREFIX}SMS_LOOK_AFTER must be more than twice {PREFIX}SMS_LIST_LAG, or what the"
                " provider has is not seen yet"
            )
        self._provider_fits_together()
        return self._mail_fits_together()

    def _provider_fits_together(self) -> None:
        asked = (self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret, self.oidc_groups)
        if any(asked) and not (all(asked) and self.public_url):
            raise ValueError(
                f"{PREFIX}OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET and _GROUPS belong together, and"
                f" need {PREFIX}PUBLIC_URL: set all of them or none"
            )
        if not self.local_sign_in and not self.oidc_issuer:
            raise ValueError(
                f"{PREFIX}LOCAL_SIGN_IN is off and no provider is set: nobody could sign in; set"
                f" {PREFIX}OIDC_ISSUER and its others, or leave it out"
            )

    def _mail_fits_together(self) -> Settings:
        if bool(self.smtp_host) != bool(self.smtp_from):
            raise ValueError(f"{PREFIX}SMTP_HOST and _FROM belong together: set both or none")
        if bool(self.smtp_user) != bool(self.smtp_password):
            raise ValueError(f"{PREFIX}SMTP_USER and _PASSWORD belong together: set both or none")
        if self.smtp_host and self.smtp_security == "none" and not is_loopback(self.smtp_host):
            raise ValueError(
                f"{PREFIX}SMTP_SECURITY is none, which is for a mail server on this machine only"
            )
        return self

    @property
    def backup_dir_in_use(self) -> Path:
        """Where the calendar's backups go."""
        return self.backup_dir or self.data / "backups"

    @property
    def database_url_in_use(self) -> str:
        """SQLAlchemy URL of the domain database."""
        return self.database_url or f"sqlite:///{self.data / 'overlev.db'}"

    @property
    def keys_url_in_use(self) -> str:
        """SQLAlchemy URL of the key store."""
        return self.keys_url or f"sqlite:///{self.data / 'keys.db'}"


def load_settings(*, data: Path | None = None) -> Settings:
    """Read the environment; `data` (the command line's `--data`) goes before `OVERLEV_DATA`.

    Raises `UnsafeSettings`, one line, values never quoted.
    """
    _refuse_unknown_names(os.environ)
    try:
        return Settings() if data is None else Settings(data=data)
    except ValidationError as wrong:
        raise UnsafeSettings(_one_line(wrong)) from None


class GroupRule(NamedTuple):
    """What membership of a group of the identity provider means: a role, and in which units."""

    group: str
    role: str
    units: tuple[str, ...]


def group_rules(written: str) -> tuple[GroupRule, ...]:
    """The rules of `OIDC_GROUPS`, in order. Raises `ValueError` for what cannot be read.

    A group may be called anything (a path, a number): the last `=` divides.
    """
    rules = []
    for each in filter(None, (part.strip() for part in written.split(";"))):
        group, divider, meaning = each.rpartition("=")
        role, _, units = meaning.partition(":")
        if not divider or not group.strip() or not role.strip():
            raise ValueError("is not a list like GROUP=role:unit,unit; GROUP=role")
        codes = tuple(code.strip() for code in units.split(",") if code.strip())
        rules.append(GroupRule(group.strip(), role.strip(), codes))
    return tuple(rules)


class SettingRow(NamedTuple):
    """A row of the README's table."""

    name: str
    default: str
    meaning: str


def settings_table() -> Iterator[SettingRow]:
    """Every setting as (environment name, default, meaning), in the order of reading."""
    for field_name, field in Settings.model_fields.items():
        name = PREFIX + field_name.upper()
        meaning = field.description or ""
        if is_secret(field):
            meaning += f" (or `{name}{FILE_SUFFIX}`)"
        yield SettingRow(name, "" if field.default is None else str(field.default), meaning)


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting is never shown."""
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("secret"))


def _refuse_unknown_names(environ: Mapping[str, str]) -> None:
    """A misspelt name would silently leave the default in force."""
    known: list[str] = []
    for field_name, field in Settings.model_fields.items():
        known.append(PREFIX + field_name.upper())
        if is_secret(field):
            known.append(known[-1] + FILE_SUFFIX)
    accepted = tuple(PREFIX + start for start in NOT_OURS)
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known or name.startswith(accepted):
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)  # the prefix fits anyway
        way_out = f"did you mean {near[0]}?" if near else "the README lists all settings"
        raise UnsafeSettings(f"{name} is not a setting: {way_out}")


def _one_line(wrong: ValidationError) -> str:
    first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
    said = first["msg"].removeprefix("Value error, ").replace("Input should be", "is not")
    if not first["loc"]:
        return said
    name = str(first["loc"][0])
    if (kind := _KINDS.get(first["type"].partition("_")[0])) is not None:
        said = f"is not {kind}{_bounds(Settings.model_fields[name])}"
    return f"{PREFIX}{name.upper()}: {said}"


def _bounds(field: FieldInfo) -> str:
    """Which numbers are taken, in words: ` from 1 to 16`, ` above 0`, or nothing."""
    told = {}
    for rule in field.metadata:
        for word, at in (("from", "ge"), ("above", "gt"), ("to", "le")):
            if (bound := getattr(rule, at, None)) is not None:
                told[word] = f" {word} {bound}"
    return "".join(told.values())


def _database_url(url: str) -> str:
    scheme, divider, rest = url.partition("://")
    if divider and scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        try:
            _place(url)
            # What is left of a password would be taken for a name, and told as one.
            if "@" in urlsplit(url).path or _HOST_WITH_AN_AT.match(rest):
                raise ValueError
        except ValueError:
            # What Python says of it quotes it, and a password may stand where it looks for a port.
            raise ValueError(
                "cannot be read: signs like / ? # @ : in the password are written %2F %3F %23 %40"
                " %3A, and a port is a number"
            ) from None
        return f"postgresql+psycopg://{rest}"
    if divider and scheme in ("sqlite", "sqlite+pysqlite"):
        if rest.lstrip("/") in ("", ":memory:"):
            raise ValueError("is in memory, where every connection sees another one: name a file")
        return f"sqlite://{rest}"
    raise ValueError("is neither sqlite:///FILE nor postgresql://USER:PASSWORD@HOST/NAME")


def _place(url: str) -> tuple[str, str, int, str]:
    """What a URL points at, without who asks and how."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return "sqlite", "", 0, str(Path(parts.path.removeprefix("/")).resolve())
    asked = dict(parse_qsl(parts.query))  # a socket folder is named as ?host=
    host = parts.hostname or asked.get("host", "localhost")
    name = parts.path or "/" + asked.get("dbname", "")
    return "postgresql", host, parts.port or int(asked.get("port", "5432")), name


def _web_address(url: str, wanted: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # its words quote the address
        raise ValueError("is not an address like https://overlev.example") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an address like https://overlev.example")
    if parts.username or parts.password:
        raise ValueError("holds a user name or password: leave them out")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"must be {wanted}")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
