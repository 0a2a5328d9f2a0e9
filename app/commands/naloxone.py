"""`naloxone`: the custody ledger of a person or a unit, and who is certified to hand out sprays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.commands.opening import RELEASE, At, CaseCommand, Json, Ref, instant_of, opened, ref_of
from core.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from app.installation import Installation
    from cases.custody import Discrepancy, Row
    from cases.naloxone import Recorded, Stock

STOCK: Final = "stock"
LEDGER: Final = "ledger"
UNDO: Final = "undo"

_SAID: Final = {
    "stock_negative": "the stock is {quantity}: something that came was not recorded",
    "unaccounted": "{quantity} in the property of somebody who has left",
    "lot_unknown": "the lot is not known",
    "lot_expired": "lot {lot} had expired",
    "distributor_unknown": "the distributor is not known",
    "distributor_uncertified": "the distributor was not certified that day",
    "reason_missing": "the reason of the refill is not known",
    "given_twice": "recorded by hand and by the task: undo one of the two",
}


class LedgerCommand(CaseCommand):
    """`INMATE_NO KIND`, or `--unit CODE KIND`, or `--ref REF KIND`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put an empty number where a unit stands for the person."""
        by_unit = any(arg == "--unit" or arg.startswith("--unit=") for arg in args)
        return super().parse_args(ctx, ["", *args] if by_unit else args)


def naloxone(
    ctx: typer.Context,
    *,
    inmate_no: Annotated[
        str, typer.Argument(metavar="INMATE_NO", help="Whose kit, or --unit.", show_default=False)
    ],
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="received, to_property, handed_over, refill, returned, lost or expired; or stock,"
            " ledger, undo.",
            show_default=False,
        ),
    ],
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="CODE", help="A unit's shelf.")
    ] = None,
    count: Annotated[int, typer.Option("--count", metavar="N", help="How many kits.")] = 1,
    lot: Annotated[str | None, typer.Option("--lot", metavar="L", help="The lot.")] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="DATE", help="The last day it may be used."),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason",
            metavar="R",
            help="Of a refill: used, lost, expired, confiscated or other.",
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="USER", help="The distributor's user name.")
    ] = None,
    row: Annotated[
        int | None, typer.Option("--row", metavar="N", help="Of undo: the row to take back.")
    ] = None,
    at: At = None,
    ref: Ref = None,
    as_json: Json = False,
) -> None:
    """Keep the custody ledger of naloxone.

    Examples: overlev naloxone 101000 refill --reason used · overlev naloxone --unit bergen stock
    """
    from core.clock import parse_date

    expires_on = parse_date(expires, field="--expires") if expires is not None else None
    happened_at = instant_of(at)
    with opened(ctx) as house:
        now = house.now()
        about = _about(house, inmate_no, ref, unit, now=now)
        if kind in (STOCK, LEDGER):
            _show(house, kind, about, as_json=as_json, now=now)
        elif kind == UNDO:
            _undo(house, row, about, now=now)
        else:
            from cases import naloxone as verbs

            recorded = house.db.transact(
                lambda tx: verbs.record(
                    tx,
                    house.viewer,
                    kind,
                    now=now,
                    quantity=count,
                    lot=lot,
                    expires_on=expires_on,
                    reason=reason,
                    distributor=by,
                    happened_at=happened_at,
                    **about,
                )
            )
            _tell(recorded, as_json=as_json)


def _about(
    house: Installation, inmate_no: str, ref: str | None, unit: str | None, *, now: datetime
) -> dict[str, str]:
    """What it is about: `{"ref": …}` of a person's newest case, or `{"unit": …}`."""
    from app.commands.units import unit_named

    def find(tx: Connection) -> dict[str, str]:
        if unit is None:
            return {"ref": ref_of(tx, house, inmate_no, ref)}
        if inmate_no.strip() or ref is not None:
            raise BadInput("unit_or_case", "Give a person or --unit, not both of them.", "--unit")
        return {"unit": unit_named(tx, unit, now=now)}

    with house.db.read() as tx:
        return find(tx)


def _show(
    house: Installation, what: str, about: dict[str, Any], *, as_json: bool, now: datetime
) -> None:
    from cases import naloxone as verbs

    if what == STOCK:
        if "unit" not in about:
            raise BadInput("unit_missing", "Stock is a unit's: --unit CODE stock.", "--unit")
        code = about["unit"]
        stock, found = house.db.transact(
            lambda tx: (
                verbs.stock(tx, house.viewer, code, now=now),
                verbs.discrepancies_of(tx, house.viewer, code, now=now),
            )
        )
        _show_stock(stock, found, as_json=as_json)
        return
    rows = house.db.transact(lambda tx: verbs.ledger(tx, house.viewer, now=now, **about))
    _show_rows(rows, as_json=as_json)


def _undo(house: Installation, row: int | None, about: dict[str, Any], *, now: datetime) -> None:
    from app.output import say
    from cases import naloxone as verbs

    if row is None:
        raise BadInput("row_missing", "Name the row to take back: --row N.", "--row")

    def undo(tx: Connection) -> Row:
        # Whose row it is was said as well: a slip in the number is not to hit somebody else's.
        if row not in {each.id for each in verbs.ledger(tx, house.viewer, now=now, **about)}:
            raise verbs.NaloxoneNotFound(f"Row {row} stands in another ledger or in none.")
        return verbs.undo(tx, house.viewer, row, now=now)

    taken_back = house.db.transact(undo)
    say(f"row {row} ({taken_back.kind} {taken_back.quantity}) is taken back · {taken_back.unit}")


def _tell(recorded: Recorded, *, as_json: bool) -> None:
    from app.output import note, say, show_json

    row = recorded.row
    if as_json:
        warnings = [_plain_discrepancy(each) for each in recorded.warnings]
        show_json(_plain_row(row) | {"stock": recorded.stock, "warnings": warnings})
        return
    of = f" · case {row.case_ref}" if row.case_ref is not None else ""
    say(f"{row.kind} {row.quantity} · {row.unit} has {recorded.stock} in stock · row {row.id}{of}")
    for each in recorded.warnings:
        note(f"warning: {_said(each)}")


def _show_stock(stock: Stock, found: Sequence[Discrepancy], *, as_json: bool) -> None:
    from app.output import say, show_json, show_table

    if as_json:
        show_json(
            {
                "unit": stock.unit,
                "stock": stock.stock,
                "in_property": stock.in_property,
                "discrepancies": [_plain_discrepancy(each) for each in found],
            }
        )
        return
    say(f"{stock.unit}: {stock.stock} in stock, {stock.in_property} in property")
    if found:
        show_table(
            ("discrepancy", "kits", "lot", "day", "row", "case"),
            [
                (
                    _said(each),
                    str(each.quantity),
                    each.lot or "",
                    each.on.isoformat() if each.on is not None else "",
                    str(each.row) if each.row is not None else "",
                    each.case_ref or "",
                )
                for each in found
            ],
            numbers=("kits", "row"),
        )


def _show_rows(rows: Sequence[Row], *, as_json: bool) -> None:
    from app.output import show_json, show_table, spoken
    from core.clock import iso_local

    if as_json:
        show_json([_plain_row(row) for row in rows])
        return
    show_table(
        ("row", "when", "kind", "kits", "lot", "expires", "reason", "unit", "case", "takes back"),
        [
            (
                str(row.id),
                spoken(iso_local(row.happened_at)),
                row.kind.value,
                str(row.quantity),
                row.lot or "",
                row.expires_on.isoformat() if row.expires_on is not None else "",
                row.reason or "",
                row.unit,
                row.case_ref or "",
                str(row.undoes) if row.undoes is not None else "",
            )
            for row in rows
        ],
        numbers=("row", "kits"),
    )


def _said(each: Discrepancy) -> str:
    return _SAID[each.flaw.value].format(quantity=each.quantity, lot=each.lot or "?")


def _plain_discrepancy(each: Discrepancy) -> dict[str, Any]:
    return {
        "discrepancy": each.flaw.value,
        "unit": each.unit,
        "quantity": each.quantity,
        "ref": each.case_ref,
        "row": each.row,
        "lot": each.lot,
        "on": each.on.isoformat() if each.on is not None else None,
    }


def _plain_row(row: Row) -> dict[str, Any]:
    from core.clock import iso_local

    return {
        "row": row.id,
        "unit": row.unit,
        "ref": row.case_ref,
        "kind": row.kind.value,
        "quantity": row.quantity,
        "lot": row.lot,
        "expires_on": row.expires_on.isoformat() if row.expires_on is not None else None,
        "reason": row.reason,
        "distributor": row.distributor,
        "task": row.task,
        "takes_back": row.undoes,
        "happened_at": iso_local(row.happened_at),
        "recorded_at": iso_local(row.recorded_at),
        "by": row.by,
    }


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("naloxone", rich_help_panel=RELEASE, cls=LedgerCommand)(naloxone)
