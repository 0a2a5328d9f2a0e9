"""The texts as they were: every version a message was ever made from stays in the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from notifications import texts
from notifications.tables import template_version

VersionIds = Mapping[tuple[str, str, int], int]
"""Row ids by template, language and version."""

_KEY: Final = ("template", "language", "version")
_THERE: Final = select(
    template_version.c.id, *(template_version.c[name] for name in _KEY), template_version.c.sha256
)
_ADD: Final = {
    "sqlite": sqlite.insert(template_version).on_conflict_do_nothing(index_elements=_KEY),
    "postgresql": postgresql.insert(template_version).on_conflict_do_nothing(index_elements=_KEY),
}


def recorded(tx: Connection) -> VersionIds:
    """The versions the database knows of the texts now in use.

    Raises `TextFault` if a text was changed without a new version: what was sent under that
    version could no longer be told.
    """
    in_use = {template.key: template for template in _in_use()}
    known: dict[tuple[str, str, int], int] = {}
    for row in tx.execute(_THERE):
        key = (row.template, row.language, row.version)
        template = in_use.get(key)
        if template is None:
            continue
        if template.sha256 != row.sha256:
            raise texts.TextFault(
                f"{row.language}.toml: {row.template} was changed without a new version"
            )
        known[key] = row.id
    return known


def record(tx: Connection, *, now: datetime) -> VersionIds:
    """Write down the texts now in use that are not yet known, and return the ids of all.

    Raises `TextFault` as `recorded` does.
    """
    known = recorded(tx)
    missing = [template for template in _in_use() if template.key not in known]
    if not missing:
        return known
    tx.execute(
        _ADD[tx.dialect.name],
        [
            {
                "template": template.name,
                "language": template.language,
                "version": template.version,
                "body": template.text,
                "sha256": template.sha256,
                "source": template.source,
                "dated_on": template.dated_on,
                "status": template.status.value,
                "recorded_at": now,
            }
            for template in missing
        ],
    )
    return recorded(tx)


def _in_use() -> list[texts.Template]:
    return [t for language in texts.languages().values() for t in language.templates.values()]
