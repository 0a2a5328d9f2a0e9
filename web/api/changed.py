"""What changes are answered with: where the case stands now, as plain values."""

from __future__ import annotations

from typing import Any

from cases.model import Appointment, Case
from cases.warnings import outside_window
from core.clock import iso_local


def case_changed(case: Case) -> dict[str, Any]:
    """Where a case stands; nothing of it that only some roles may read."""
    release = None
    if case.release_on is not None:
        release = {
            "on": case.release_on.isoformat(),
            "kind": case.release_kind.value if case.release_kind else None,
            "known_at": iso_local(case.release_known_at) if case.release_known_at else None,
        }
    return {
        "ref": case.ref,
        "version": case.version,
        "unit": case.unit,
        "phase": case.phase,
        "participation": case.participation,
        "close_reason": case.close_reason,
        "release": release,
        "released_at": iso_local(case.released_at) if case.released_at else None,
    }


def appointment_stands(case: Case, each: Appointment) -> dict[str, Any]:
    """An appointment, without what is sealed of it."""
    return {
        "id": each.id,
        "kind": each.kind,
        "starts_at": iso_local(each.starts_at),
        "status": each.status,
        "outside_window": outside_window(case, each),
        "moved_from": each.moved_from,
    }
