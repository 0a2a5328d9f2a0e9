"""A report in the formats that leave the house, all from the one report that was stored."""

from __future__ import annotations

import json

from core.errors import Refused
from reports.export_csv import as_csv
from reports.figures import Report, as_json


def exported(report: Report, form: str) -> bytes:
    """The report as `json`, `csv`, `xlsx` or `pdf`. Raises `Refused` for what is not built."""
    if form == "csv":
        return as_csv(report)
    if form == "json":
        return (json.dumps(as_json(report), ensure_ascii=False, indent=2) + "\n").encode()
    raise Refused(f"A report as {form} is not built yet: take --format csv, json or xlsx.")
