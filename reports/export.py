"""A report in the formats that leave the house, all from the one report that was stored.

Each writer gets the same `Report`, so the formats cannot differ in a number. Nothing of the moment
goes in: the same report gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from core.errors import BadInput
from reports.export_csv import as_csv
from reports.figures import Report, as_json

FORMATS: Final = ("json", "csv", "xlsx", "pdf")
MEDIA_TYPES: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


def exported(report: Report, form: str, names: Mapping[str, str] | None = None) -> bytes:
    """The report as `json`, `csv`, `xlsx` or `pdf`.

    `names` are those of units by code, for a workbook's own sheets and for paper of what was not
    published, which has none of its own; a unit without one is told by its code, as everywhere in
    the long form.
    """
    if form == "csv":
        return as_csv(report)
    if form == "json":
        return (json.dumps(as_json(report), ensure_ascii=False, indent=2) + "\n").encode()
    if form == "xlsx":
        from reports.export_xlsx import as_xlsx  # noqa: PLC0415 - loads the writer

        return as_xlsx(report, names or {})
    if form == "pdf":
        from reports.export_pdf import as_pdf  # noqa: PLC0415 - loads fonts and charts

        return as_pdf(report if report.seal else replace(report, names=names or {}))
    raise BadInput("unknown_code", f"a format is one of {', '.join(FORMATS)}", "format")
