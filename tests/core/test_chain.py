from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, delete, event, func, select, update

from core.chain import GENESIS, BrokenChain, Entry, canonical, chain, head_mac, read_heads, seal
from core.chain_check import verify
from core.crypto import KeyRing
from core.db import Database
from tests.core.chains import RING, check, entry_log, head_of, make_tables, stored, write


@pytest.fixture
def db(engine_url: str) -> Iterator[Database]:
    database = Database(engine_url)
    make_tables(database.engine)
    yield database
    database.close()


@pytest.fixture
def counted(db: Database) -> Iterator[Callable[[], int]]:
    """How many statements ran since it was last asked; one for many rows is one."""
    seen: list[str] = []

    def note(*told: object) -> None:
        seen.append(str(told[2]))

    def ask() -> int:
        count = len(seen)
        seen.clear()
        return count

    event.listen(db.engine, "before_cursor_execute", note)
    yield ask
    event.remove(db.engine, "before_cursor_execute", note)


def test_rows_are_numbered_and_chained_in_their_own_log_and_scope(db: Database) -> None:
    with db.write() as tx:
        first = write(tx, [Entry("event", "A", "1"), Entry("access", "A", "2")])
        second = write(tx, [Entry("event", "A", "3"), Entry("event", "B", "4")])

    assert [one.seq for one in first + second] == [1, 1, 2, 1]
    assert len({one.mac for one in first + second}) == 4
    with db.read() as tx:
        assert check(tx) == []


def test_two_statements_seal_a_completion(db: Database, counted: Callable[[], int]) -> None:
    entries = [Entry("event", "A", "1"), Entry("access", "A", "2")]
    with db.write() as tx:
        seal(tx, entries, month="2026-09", ring=RING)
        counted()
        seal(tx, entries * 5, month="2026-09", ring=RING)
        assert counted() == 2


def test_sealing_nothing_asks_nothing(db: Database, counted: Callable[[], int]) -> None:
    with db.write() as tx:
        assert seal(tx, [], month="2026-09", ring=RING) == []
    assert counted() == 0


def test_many_scopes_are_sealed_in_one_call_in_the_order_given(
    db: Database, counted: Callable[[], int]
) -> None:
    entries = [Entry("event", f"unit {at % 30}", str(at)) for at in range(90)]
    with db.write() as tx:
        write(tx, entries)
    with db.write() as tx:
        counted()
        seals = seal(tx, entries, month="2026-09", ring=RING)
        assert counted() == 2
        tx.rollback()

    assert [one.seq for one in seals] == [4 + at // 30 for at in range(90)]
    with db.read() as tx:
        assert check(tx) == []
        assert [row.text for row in stored(tx) if row.scope == "unit 7"] == ["7", "37", "67"]


def test_a_new_month_begins_where_the_last_one_ended(db: Database) -> None:
    with db.write() as tx:
        write(tx, [Entry("event", "A", "1"), Entry("event", "B", "1")], month="2026-09")
        seals = write(tx, [Entry("event", "A", "2"), Entry("event", "C", "1")], month="2026-12")

    assert [(one.month, one.seq) for one in seals] == [("2026-12", 1), ("2026-12", 1)]
    with db.read() as tx:
        assert check(tx) == []
        of_a = [head for head in read_heads(tx) if head.scope == "A"]
    assert [(head.month, head.open) for head in of_a] == [("2026-09", False), ("2026-12", True)]
    assert of_a[0].start_mac == GENESIS
    assert of_a[1].start_mac == of_a[0].mac


def test_a_month_begins_in_two_statements_as_well(db: Database, counted: Callable[[], int]) -> None:
    with db.write() as tx:
        write(tx, [Entry("event", "A", "1"), Entry("access", "A", "1")], month="2026-09")
        counted()
        seal(tx, [Entry("event", "A", "2"), Entry("access", "A", "2")], month="2026-10", ring=RING)
        assert counted() == 2


def test_a_month_put_back_does_not_begin_a_second_time(db: Database) -> None:
    """Who opens an old head again must not have the next month's head written over."""
    with db.write() as tx:
        write(tx, [Entry("event", "A", "1")], month="2026-09")
        write(tx, [Entry("event", "A", "2")], month="2026-10")
        was = read_heads(tx)
        tx.execute(update(chain).where(chain.c.month == "2026-10").values(open=False))
        tx.execute(update(chain).where(chain.c.month == "2026-09").values(open=True))

    with pytest.raises(BrokenChain, match="audit verify"), db.write() as tx:
        write(tx, [Entry("event", "A", "3")], month="2026-10")

    with db.read() as tx:
        assert [head.mac for head in read_heads(tx)] == [head.mac for head in was]


def test_a_clock_that_went_back_does_not_reopen_a_month(db: Database) -> None:
    with db.write() as tx:
        write(tx, [Entry("event", "A", "1")], month="2026-10")
        (given_back,) = write(tx, [Entry("event", "A", "2")], month="2026-09")

    assert (given_back.month, given_back.seq) == ("2026-10", 2)
    with db.read() as tx:
        assert check(tx) == []


def test_a_change_rolled_back_leaves_the_chain_as_it_was(db: Database) -> None:
    with db.write() as tx:
        write(tx, [Entry("event", "A", "1")])
    with pytest.raises(RuntimeError), db.write() as tx:  # noqa: PT012 -- it raises after the work
        write(tx, [Entry("event", "A", "2")], month="2026-10")
        raise RuntimeError
    with db.write() as tx:
        (sealed,) = write(tx, [Entry("event", "A", "3")])

    assert sealed.seq == 2
    with db.read() as tx:
        assert check(tx) == []


def test_many_writers_at_once_leave_one_whole_chain(db: Database) -> None:
    faults: list[BaseException] = []

    def add(writer: int) -> None:
        entries = [Entry("event", "A", f"{writer}"), Entry("access", "A", f"{writer}")]
        try:
            for turn in range(10):
                # In either order: sealing sorts the heads, so nobody waits in a ring.
                some = entries if turn % 2 else entries[::-1]
                month = "2026-10" if turn > 4 else "2026-09"

                def verb(tx: Connection, some: list[Entry] = some, month: str = month) -> None:
                    write(tx, some, month=month)

                db.transact(verb)
        except BaseException as fault:  # noqa: BLE001 -- told by the test, below
            faults.append(fault)

    writers = [threading.Thread(target=add, args=(at,)) for at in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert faults == []
    with db.read() as tx:
        assert tx.execute(select(func.count()).select_from(entry_log)).scalar_one() == 160
        assert check(tx) == []


def test_a_rotated_key_seals_on_and_the_old_rows_still_verify(db: Database) -> None:
    rotated = RING.with_new_mac()
    with db.write() as tx:
        write(tx, [Entry("event", "A", "1")])
        (sealed,) = write(tx, [Entry("event", "A", "2")], ring=rotated)

    assert sealed.key_id == rotated.mac.id
    with db.read() as tx:
        assert check(tx, ring=rotated) == []
        assert {one.fault for one in check(tx)} == {"unknown_key"}


def test_a_chain_that_lost_its_open_head_takes_nothing_more(db: Database) -> None:
    with db.write() as tx:
        write(tx, [Entry("event", "A", "1")], month="2026-10")
    with db.write() as tx:
        tx.execute(update(chain).values(open=False))
    with pytest.raises(BrokenChain, match="audit verify"), db.write() as tx:
        write(tx, [Entry("event", "A", "2")], month="2026-10")


def test_the_database_keeps_one_open_head_per_chain(db: Database) -> None:
    with db.write() as tx:
        write(tx, [Entry("event", "A", "1")], month="2026-09")
        write(tx, [Entry("event", "A", "2")], month="2026-10")
    with pytest.raises(Exception, match=r"(?i)unique"), db.write() as tx:
        tx.execute(update(chain).values(open=True))


@pytest.mark.parametrize("month", ["2026-9", "2026-13", "2026-09-01", ""])
def test_a_month_is_year_and_month(db: Database, month: str) -> None:
    with db.write() as tx, pytest.raises(ValueError, match="YYYY-MM"):
        seal(tx, [Entry("event", "A", "1")], month=month, ring=RING)


# What is stored is exactly what is sealed

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), json_values))
def test_a_value_is_written_the_same_way_whatever_the_order_of_its_names(
    value: dict[str, object],
) -> None:
    turned = dict(reversed(list(value.items())))

    assert canonical(value) == canonical(turned)  # type: ignore[arg-type]


def test_the_written_form_is_short_sorted_and_readable() -> None:
    assert canonical({"b": [1, None, True], "a": "søn\n"}) == '{"a":"søn\\n","b":[1,null,true]}'


@pytest.mark.parametrize(
    "value", [datetime(2026, 9, 1, tzinfo=UTC), {1, 2}, b"x", float("nan"), object()]
)
def test_what_has_no_one_written_form_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical({"value": value})  # type: ignore[dict-item]


# Finding what was changed behind the code's back


@contextmanager
def sealed_log() -> Iterator[Connection]:
    """Three months of two chains, the first of 4 rows a month, in memory."""
    engine: Engine = create_engine("sqlite://")
    make_tables(engine)
    with engine.connect() as tx:
        for month in ("2026-07", "2026-08", "2026-09"):
            write(tx, [Entry("event", "A", f"{month} {at}") for at in range(4)], month=month)
            write(tx, [Entry("event", "B", month)], month=month)
        assert check(tx) == []
        yield tx
    engine.dispose()


def row(month: str, seq: int) -> tuple[object, ...]:
    here = entry_log.c
    return here.scope == "A", here.month == month, here.seq == seq


months = st.sampled_from(["2026-07", "2026-08", "2026-09"])


@given(months, st.integers(1, 4), st.data())
def test_a_flipped_character_is_found_where_it_stands(
    month: str, seq: int, data: st.DataObject
) -> None:
    with sealed_log() as tx:
        here = select(entry_log.c.text).where(*row(month, seq))  # type: ignore[arg-type]
        text = tx.execute(here).scalar_one()
        at = data.draw(st.integers(0, len(text) - 1))
        flipped = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        tx.execute(update(entry_log).where(*row(month, seq)).values(text=flipped))  # type: ignore[arg-type]

        assert [(one.fault, one.month, one.seq) for one in check(tx)] == [("altered", month, seq)]


@given(months, st.integers(1, 4))
def test_a_deleted_row_is_found_in_the_middle_and_at_the_end(month: str, seq: int) -> None:
    with sealed_log() as tx:
        tx.execute(delete(entry_log).where(*row(month, seq)))  # type: ignore[arg-type]

        assert [(one.fault, one.month, one.seq) for one in check(tx)] == [("missing", month, seq)]


@given(months, st.integers(1, 4), months, st.integers(1, 4))
def test_swapped_rows_are_found(month: str, seq: int, other_month: str, other_seq: int) -> None:
    one, other = (month, seq), (other_month, other_seq)
    assume(one != other)
    with sealed_log() as tx:
        for here, there in ((one, ("", 0)), (other, one), (("", 0), other)):
            moved = {"month": there[0], "seq": there[1]}
            tx.execute(update(entry_log).where(*row(*here)).values(**moved))  # type: ignore[arg-type]

        found = {(fault.month, fault.seq) for fault in check(tx) if fault.tampered}
        assert {one, other} <= found


def test_a_row_moved_to_another_chain_is_found() -> None:
    with sealed_log() as tx:
        tx.execute(delete(entry_log).where(entry_log.c.scope == "B"))
        tx.execute(
            update(entry_log).where(*row("2026-07", 1)).values(scope="B")  # type: ignore[arg-type]
        )

        found = {(one.scope, one.fault, one.month, one.seq) for one in check(tx)}
        assert ("B", "altered", "2026-07", 1) in found
        assert ("A", "missing", "2026-07", 1) in found


@pytest.mark.parametrize("seq", [1, 3, 5, 9])
def test_an_inserted_row_is_found(seq: int) -> None:
    with sealed_log() as tx:
        (copy,) = [one for one in stored(tx) if (one.scope, one.month, one.seq) == COPIED]
        inserted = {name: getattr(copy, name) for name in ("log", "scope", "month", "key_id")}
        tx.execute(
            entry_log.insert(), {**inserted, "mac": copy.mac, "text": "never happened", "seq": seq}
        )

        found = check(tx)
        assert {(one.scope, one.month) for one in found} == {("A", "2026-08")}
        assert ("out_of_place", seq) in {(one.fault, one.seq) for one in found}


COPIED = ("A", "2026-08", 2)


@given(months, st.sampled_from(["mac", "start_mac", "seq", "open", "head_mac", "month"]))
def test_an_altered_head_is_found(month: str, column: str) -> None:
    with sealed_log() as tx:
        head = head_of((one for one in read_heads(tx) if one.scope == "A"), month)
        changed: object = "f" * 64
        if column == "seq":
            changed = head.seq - 1
        elif column == "open":
            changed = not head.open
            tx.exec_driver_sql("DROP INDEX ux_chain_open")
        elif column == "month":
            changed = month.replace("2026", "2025")
        here = (chain.c.scope == "A", chain.c.month == month)
        tx.execute(update(chain).where(*here).values({column: changed}))

        assert "head_altered" in {one.fault for one in check(tx)}


@pytest.mark.parametrize(
    ("month", "wrong", "fault"),
    [
        ("2026-08", {"open": True}, "head_altered"),
        ("2026-09", {"open": False}, "head_missing"),
        ("2026-09", {"mac": "f" * 64}, "head_altered"),
        ("2026-09", {"seq": 5}, "missing"),
        ("2026-07", {"start_mac": "f" * 64}, "head_missing"),
    ],
)
def test_a_head_that_does_not_fit_is_found_even_when_it_is_rightly_signed(
    month: str, wrong: dict[str, Any], fault: str
) -> None:
    with sealed_log() as tx:
        heads = [one for one in read_heads(tx) if one.scope == "A"]
        rows = [one for one in stored(tx) if one.scope == "A"]
        changed = replace(head_of(heads, month), **wrong)
        signed = head_mac(
            RING.mac.secret,
            log=changed.log,
            scope=changed.scope,
            month=changed.month,
            is_open=changed.open,
            start_mac=changed.start_mac,
            seq=changed.seq,
            mac=changed.mac,
        )
        heads[heads.index(head_of(heads, month))] = replace(changed, head_mac=signed)

        assert fault in {one.fault for one in verify(rows, heads, RING)}


def test_a_month_gone_with_its_head_is_found_by_the_months_around_it() -> None:
    with sealed_log() as tx:
        heads = [one for one in read_heads(tx) if one.month != "2026-08"]
        rows = [one for one in stored(tx) if one.month != "2026-08"]

        found = [(one.fault, one.scope, one.month) for one in verify(rows, heads, RING)]
        assert found == [("head_missing", "A", "2026-09"), ("head_missing", "B", "2026-09")]


def test_a_tail_cut_off_with_its_head_turned_back_is_found() -> None:
    with sealed_log() as tx:
        before = next(one for one in stored(tx) if (one.month, one.seq) == ("2026-09", 3))
        tx.execute(delete(entry_log).where(*row("2026-09", 4)))  # type: ignore[arg-type]
        here = (chain.c.scope == "A", chain.c.open)
        tx.execute(update(chain).where(*here).values(seq=3, mac=before.mac))

        assert [(one.fault, one.month) for one in check(tx)] == [("head_altered", "2026-09")]


@given(months)
def test_a_head_that_is_gone_is_found(month: str) -> None:
    with sealed_log() as tx:
        tx.execute(delete(chain).where(chain.c.scope == "A", chain.c.month == month))

        assert "head_missing" in {one.fault for one in check(tx)}


def test_the_newest_month_gone_with_its_head_is_found() -> None:
    with sealed_log() as tx:
        newest = "2026-09"
        tx.execute(delete(chain).where(chain.c.scope == "A", chain.c.month == newest))
        tx.execute(delete(entry_log).where(entry_log.c.scope == "A", entry_log.c.month == newest))

        assert [(one.fault, one.month) for one in check(tx)] == [("head_missing", "2026-08")]


@pytest.mark.parametrize("month", ["2026-07", "2026-08"])
def test_a_whole_month_purged_is_told_apart_from_tampering(month: str) -> None:
    with sealed_log() as tx:
        tx.execute(delete(entry_log).where(entry_log.c.scope == "A", entry_log.c.month == month))

        (finding,) = check(tx)
        assert (finding.fault, finding.month, finding.tampered) == ("purged", month, False)
        assert str(finding) == f"event/A/{month}: purged: all 4 rows gone, head kept"


def test_the_open_month_cannot_pass_as_purged() -> None:
    with sealed_log() as tx:
        tx.execute(delete(entry_log).where(entry_log.c.month == "2026-09"))

        assert {one.fault for one in check(tx)} == {"missing"}


def test_a_purged_month_whose_head_was_changed_is_no_purge() -> None:
    with sealed_log() as tx:
        tx.execute(delete(entry_log).where(entry_log.c.month == "2026-07"))
        tx.execute(update(chain).where(chain.c.month == "2026-07").values(mac="f" * 64))

        assert "purged" not in {one.fault for one in check(tx)}
        assert all(one.tampered for one in check(tx))


def test_a_forger_with_another_key_is_found() -> None:
    with sealed_log() as tx:
        write(tx, [Entry("event", "A", "forged")], ring=KeyRing.generate())

        found = check(tx)
        assert {(one.fault, one.seq) for one in found} == {
            ("unknown_key", 5),
            ("unknown_key", None),
        }
