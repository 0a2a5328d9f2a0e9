"""What the ledgers of naloxone come to stands beside them: nobody reads them from the beginning."""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_STANDING = """
SELECT id, unit, case_id, kind, quantity, task FROM naloxone_event AS said
WHERE coalesce(undoes, 0) = 0
AND NOT EXISTS (SELECT 1 FROM naloxone_event AS later WHERE later.undoes = said.id)
ORDER BY happened_at, id
"""


def upgrade() -> None:
    stock = op.create_table(
        "naloxone_stock",
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_naloxone_stock_unit_unit")),
        sa.PrimaryKeyConstraint("unit", name=op.f("pk_naloxone_stock")),
    )
    held = op.create_table(
        "naloxone_held",
        sa.Column("case_id", _KEY, autoincrement=False, nullable=False),
        sa.Column("in_property", sa.Integer(), nullable=False),
        sa.Column("given_twice", _KEY, nullable=True),
        sa.CheckConstraint("in_property >= 0", name=op.f("ck_naloxone_held_in_property")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_.id"], name=op.f("fk_naloxone_held_case_id_case_")
        ),
        sa.ForeignKeyConstraint(
            ["given_twice"],
            ["naloxone_event.id"],
            name=op.f("fk_naloxone_held_given_twice_naloxone_event"),
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_naloxone_held")),
    )
    op.create_index(
        "ix_naloxone_event_lot",
        "naloxone_event",
        ["lot"],
        sqlite_where=sa.text("expires_on IS NOT NULL"),
        postgresql_where=sa.text("expires_on IS NOT NULL"),
    )
    by_unit, by_case = _kept(op.get_bind().execute(sa.text(_STANDING)))
    if by_unit:
        op.bulk_insert(stock, by_unit)
    if by_case:
        op.bulk_insert(held, by_case)


def _kept(rows: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the rows come to, as `cases.custody` said on the day of this migration."""
    stock: Counter[str] = Counter()
    in_property: Counter[int] = Counter()
    by_task: dict[int, int] = {}
    by_hand: set[int] = set()
    for row in rows:
        who, quantity = row.case_id, row.quantity
        if row.kind == "received":
            stock[row.unit] += quantity
            continue
        if row.kind == "to_property":
            stock[row.unit] -= quantity
            in_property[who] += quantity
            continue
        from_property = min(in_property[who], quantity) if who is not None else 0
        if who is not None:
            in_property[who] -= from_property
        if row.kind == "returned":
            stock[row.unit] += quantity
        elif row.kind in ("handed_over", "refill") or who is None:
            stock[row.unit] -= quantity - from_property
        if row.kind == "handed_over" and who is not None:
            if row.task is None:
                by_hand.add(who)
            else:
                by_task[who] = row.id
    cases = {who for who, kits in in_property.items() if kits} | (by_hand & by_task.keys())
    return (
        [{"unit": unit, "quantity": kits} for unit, kits in sorted(stock.items()) if kits],
        [
            {
                "case_id": who,
                "in_property": in_property[who],
                "given_twice": by_task.get(who) if who in by_hand else None,
            }
            for who in sorted(cases)
        ],
    )
