"""One report in every format: the same numbers, no formula, the same bytes; and checked again."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from openpyxl import load_workbook
from sqlalchemy import select, update

from cases.tables import unit_version
from core.chain import canonical
from core.db import Database
from core.errors import BadInput, Busy, Refused
from core.processors import ALL
from reports import apart
from reports.apart import pdf_apart
from reports.definitions import CORE_TASKS, COUNTS, SHARES
from reports.export import exported
from reports.export_pdf import as_pdf
from reports.figures import Report, of_places, of_unit, share
from reports.labels import name_of, over_and_under
from reports.publish import directorate_report
from reports.tables import report
from reports.tertial import Period
from reports.verify import verify
from tests.forms.reading import text_of
from tests.people import at, make_case

T3 = Period.parse("2026-T3")
NOW = at("2026-10-01 08:00")
OUT = "59,34,76,1,,0,false,true,false,false,false,1"
"""How LibreOffice writes CSV: `;`, UTF-8, cells as shown, the first sheet."""


@pytest.fixture
def published(db: Database) -> Report:
    with db.write() as tx:
        for unit, number in (("A", 9), ("B", 2), ("C", 6)):
            for _ in range(number):
                make_case(tx, unit=unit, answer="accepted")
    return directorate_report(db, T3, now=NOW, threshold=5)


def of_xlsx(content: bytes, sheet: str = "Tall") -> list[list[object]]:
    return [
        list(row) for row in load_workbook(io.BytesIO(content))[sheet].iter_rows(values_only=True)
    ]


def of_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def test_csv_xlsx_and_json_show_the_same_numbers(db: Database, published: Report) -> None:
    lines = of_csv(exported(published, "csv"))
    head, *rows = of_xlsx(exported(published, "xlsx"))
    told = json.loads(exported(published, "json"))

    assert (
        len(lines)
        == len(rows)
        == sum(
            len(place)
            for places in ({"": told["nation"]}, told["regions"], told["units"])
            for place in places.values()
        )
    )
    for line, row in zip(lines, rows, strict=True):
        cell = dict(zip([str(name) for name in head], row, strict=True))
        places = {"nation": {"": told["nation"]}, "region": told["regions"], "unit": told["units"]}
        figure = places[line["level"]][line["place"]][line["indicator"]]
        for name in ("value", "numerator", "denominator"):
            written, typed, plain = line[name], cell[name], figure[name]
            if figure["suppressed"]:
                assert (written, typed, plain) == (":", ":", None)
            elif plain is None:
                assert (written, typed) == ("", None)
            else:
                assert float(written.replace(",", ".")) == typed == plain
    assert any(line["value"] == ":" for line in lines)
    del db


def test_the_same_report_gives_the_same_bytes(db: Database, published: Report) -> None:
    for form in ("csv", "json", "xlsx"):
        assert exported(published, form) == exported(published, form)
    del db


def test_a_pdf_printed_a_second_later_has_the_same_bytes(db: Database, published: Report) -> None:
    short = of_places(published, unit="A")
    once = exported(short, "pdf")
    with time_machine.travel(NOW, tick=False):
        assert exported(short, "pdf") == once
    assert once.startswith(b"%PDF")
    assert published.seal is not None
    assert b"tertial-2026-T3.csv" in once
    del db


def test_xlsx_is_typed_has_a_table_and_a_chart_to_a_sheet_and_no_formula(
    db: Database, published: Report
) -> None:
    evil = replace(published, units={'=HYPERLINK("x")': published.units["A"]})
    content = exported(evil, "xlsx")
    book = load_workbook(io.BytesIO(content))

    assert book.sheetnames == ["Tall", "Nasjon", "Regioner", "Enheter", "Definisjoner", "Om"]
    assert getattr(book.active, "title", "") == "Nasjon", "who opens it reads it"
    assert all(len(sheet.tables) == 1 for sheet in book)
    for name in ("Nasjon", "Enheter"):
        assert name in book.sheetnames
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        sheets = [packed.read(name) for name in packed.namelist() if "worksheets/sheet" in name]
        assert not any(b"<f>" in sheet or b"<f " in sheet for sheet in sheets)
    for sheet in book:
        for row in sheet.iter_rows():
            assert not any(cell.data_type == "f" for cell in row)
    del db


def test_a_workbook_is_read_without_a_code_list(db: Database, published: Report) -> None:
    names = {"A": "Å fengsel", "B": "Bø fengsel", "C": "Alta fengsel"}
    content = exported(published, "xlsx", names)

    codes = list(dict.fromkeys(row[1] for row in of_xlsx(content, "Nasjon")[1:]))
    assert codes[:9] == [
        "I1",
        "I2",
        "I3",
        "I4",
        "I5",
        "I5.le_24h",
        "I5.d2_3",
        "I5.d4_7",
        "I5.gt_7d",
    ]
    assert codes.index("I8") < codes.index("I9") < codes.index("I9.refill") < codes.index("I10")
    assert set(names.values()) <= {row[0] for row in of_xlsx(content, "Enheter")}
    assert not {"A", "B", "C"} & {row[0] for row in of_xlsx(content, "Enheter")}
    about = {row[0]: row[1] for row in of_xlsx(content, "Om")[1:]}
    assert about["Tilstand"] == "Løpende"
    assert about["Visning"] == "Publiserte tall, små tall er skjult"
    for row in of_xlsx(content, "Definisjoner")[1:]:
        assert str(row[2]).casefold() != str(row[1]).casefold()
    # The long form is as it was, and is what a file is known by.
    assert of_xlsx(content)[1:] == of_xlsx(exported(published, "xlsx"))[1:]
    del db


def test_charts_are_native_and_leave_hidden_figures_out(db: Database) -> None:
    with db.write() as tx:
        for _ in range(12):
            make_case(
                tx, answer="accepted", release_on=None, released="2026-09-20 10:00",
                done={"brief_info": "2026-09-02 10:00"},
            )  # fmt: skip
    content = exported(directorate_report(db, T3, now=NOW, threshold=5), "xlsx")
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        charts = [name for name in packed.namelist() if name.startswith("xl/charts/chart")]
        assert len(charts) >= 2
    nation = of_xlsx(content, "Nasjon")
    shown = [row[9] for row in nation[1:] if row[8] is not None]
    assert shown
    assert ":" not in shown


def test_one_share_is_worded_alike_on_paper_and_in_every_file(
    db: Database, published: Report
) -> None:
    odd = {"I6": share(32, 39), "I8": share(9, 41)}
    report = replace(
        published,
        nation={**published.nation, **odd},
        regions={},
        units={"A": {**published.units["A"], **odd}},
    )

    paper = text_of(exported(report, "pdf"))
    lines = {line["indicator"]: line["value"] for line in of_csv(exported(report, "csv"))}
    content = exported(report, "xlsx")
    tidy = {row[7]: row[8] for row in of_xlsx(content) if row[5] == "unit"}
    (shown,) = [row for row in load_workbook(io.BytesIO(content))["Nasjon"] if row[1].value == "I6"]

    assert ("82,1 %" in paper, "82,0 %" in paper) == (True, False)
    assert ("22,0 %" in paper, "21,9 %" in paper) == (True, False)
    assert (lines["I6"], lines["I8"]) == ("0,8205", "0,2195")
    assert (tidy["I6"], tidy["I8"]) == (0.8205, 0.2195)
    # The spreadsheet rounds the fraction itself, once.
    assert (shown[3].value, shown[3].number_format) == (32 / 39, "0.0%")
    del db


def test_paper_printed_before_shares_were_rounded_once_is_still_genuine(
    db: Database, published: Report
) -> None:
    part = of_places(published, unit="A")
    former = as_pdf(part, first=True)
    with db.read() as tx:
        assert verify(tx, former).genuine
        assert not verify(tx, former.replace(b"/Lang (nb)", b"/Lang (xx)")).genuine
    odd = replace(part, units={"A": {**part.units["A"], "I6": share(32, 39)}})
    assert "82,0 %" in text_of(as_pdf(odd, first=True))


def test_who_draws_does_not_keep_to_the_processor_of_a_web_process(
    published: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = max(os.sched_getaffinity(0))
    tells = "import os, sys; sys.stdin.read(); print('%PDF', os.sched_getaffinity(0))"
    monkeypatch.setenv(ALL, str(last))
    monkeypatch.setattr(apart, "_PROGRAM", tells)
    assert pdf_apart(published).decode().strip() == f"%PDF {{{last}}}"


def test_who_draws_for_too_long_is_ended(
    published: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = tmp_path / "pid"
    sleeps = f"import os, time; open({str(here)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    monkeypatch.setattr(apart, "_PROGRAM", sleeps)
    monkeypatch.setattr(apart, "PATIENCE", 2.0)
    with pytest.raises(Busy):
        pdf_apart(published)
    with pytest.raises(ProcessLookupError):
        os.kill(int(here.read_text()), 0)


LONG = "Fengselsavdelingen for dem som har det lengste navnet, avdeling Nordre Skogsmarka"


def test_paper_tells_units_by_name_and_a_unit_renamed_later_leaves_it_as_it_was(
    db: Database, published: Report
) -> None:
    first = exported(published, "pdf")
    assert "B fengsel" in text_of(first)
    assert pdf_apart(published) == first
    with db.write() as tx:
        tx.execute(update(unit_version).where(unit_version.c.unit == "A").values(name=LONG))

    assert directorate_report(db, T3, now=NOW, threshold=5) == published
    newer = directorate_report(db, T3, now=NOW + timedelta(minutes=1), threshold=5)

    paper = exported(of_places(newer, unit="A"), "pdf")
    assert LONG in " ".join(text_of(paper).split())
    with db.read() as tx:
        assert all(verify(tx, printed).genuine for printed in (first, paper))
    own = replace(of_unit(newer, "A"), seal=None, names={})
    assert LONG in " ".join(text_of(exported(own, "pdf", {"A": LONG})).split())


def test_paper_of_a_units_own_figures_says_where_they_stand_and_explains_no_colon(
    published: Report,
) -> None:
    own = replace(of_unit(published, "A"), seal=None, state="submitted")
    paper = text_of(exported(own, "pdf", {"A": "A fengsel"}))
    assert "Sendt inn" in paper
    assert "Løpende" not in paper
    colon = "er et lite tall som ikke vises"
    assert colon not in paper
    assert colon in text_of(exported(published, "pdf"))


def test_paper_of_an_ended_tertial_that_was_not_sent_in_says_so(published: Report) -> None:
    own = replace(of_unit(published, "A"), seal=None, state="open", view="unit")
    last = Period.parse(own.period).next_at - timedelta(minutes=1)
    for form in ("pdf", "xlsx"):
        ended, running = (
            _said(exported(replace(own, as_of=when), form, {"A": "A fengsel"}), form)
            for when in (last + timedelta(minutes=1), last)
        )
        assert "Tertialet er slutt, disse tallene er ikke sendt inn" in ended
        assert "Løpende" not in ended
        assert "Løpende" in running


def _said(content: bytes, form: str) -> str:
    """The words of a file."""
    if form == "pdf":
        return " ".join(text_of(content).split())
    return " ".join(str(cell) for row in of_xlsx(content, "Om") for cell in row)


def test_what_was_published_without_names_is_printed_by_codes(
    db: Database, published: Report
) -> None:
    with db.write() as tx:
        body = tx.execute(select(report.c.body)).scalar_one()
        kept = json.loads(body)
        del kept["more"]["names"]
        tx.execute(update(report).values(body=canonical(kept)))

    found = directorate_report(db, T3, now=NOW, threshold=5)

    assert found.names == {}
    paper = exported(found, "pdf", {"A": "A fengsel"})
    assert "A fengsel" not in text_of(paper)
    with db.read() as tx:
        assert verify(tx, paper).genuine
    del published


def test_every_indicator_has_a_norwegian_name() -> None:
    for code in (*COUNTS, *SHARES, *CORE_TASKS):
        assert name_of(code) != code
        assert over_and_under(code)[0]
    assert name_of("tasks_done.local_task") == "Gjort: local_task"
    assert all(over_and_under(code)[1] for code in SHARES)


def test_a_genuine_file_is_known_again_whole_or_in_part(db: Database, published: Report) -> None:
    with db.read() as tx:
        for form in ("csv", "json", "xlsx", "pdf"):
            found = verify(tx, exported(published, form))
            assert (found.genuine, found.whole) == (True, True), found.changed
            part = verify(tx, exported(of_places(published, unit="A"), form))
            assert (part.genuine, part.whole) == (True, False)


def test_a_changed_file_is_told_by_the_cell(db: Database, published: Report) -> None:
    written = exported(published, "csv").decode("utf-8-sig")
    line = next(each for each in written.splitlines() if ";unit;A;I3;" in each)
    changed = written.replace(line, line.replace(";9;9;", ";8;9;"))
    assert changed != written
    with db.read() as tx:
        found = verify(tx, changed.encode())
        assert not found.genuine
        assert found.changed == ("unit A I3: 1,0000 (8 of 9), published 1,0000 (9 of 9)",)
        told = json.loads(exported(published, "json"))
        told["units"]["B"]["I3"] |= {"suppressed": False, "value": 0.5, "numerator": 1,
                                     "denominator": 2}  # fmt: skip
        assert not verify(tx, json.dumps(told).encode()).genuine


def test_paper_that_was_changed_is_told(db: Database, published: Report) -> None:
    paper = exported(published, "pdf")
    with db.read() as tx:
        found = verify(tx, paper.replace(b"/Lang (nb)", b"/Lang (xx)"))
        assert [each.partition(":")[0] for each in found.changed] == ["the pages"]
        with pytest.raises(BadInput, match="no published report"):
            verify(tx, paper[:900])


def test_a_file_from_elsewhere_is_refused(db: Database, published: Report) -> None:
    told = json.loads(exported(published, "json"))
    told["seal"]["sha256"] = "0" * 64
    with db.read() as tx:
        with pytest.raises(Refused, match="Nothing was published here"):
            verify(tx, json.dumps(told).encode())
        for junk in (b"", b"hello", b"PK\x03\x04", b"{}", b'{"seal": 1}', b"\xff\xfe;", b"a;b\r\n"):
            with pytest.raises(BadInput, match="no published report"):
                verify(tx, junk)


@pytest.mark.skipif(
    not (shutil.which("soffice") and os.environ.get("OVERLEV_TEST_OFFICE")),
    reason="the long form opens the files in LibreOffice",
)
def test_a_spreadsheet_shows_what_was_exported(
    db: Database, published: Report, tmp_path: Path
) -> None:
    shown = {}
    for form in ("csv", "xlsx"):
        file = tmp_path / f"{form}.{form}"
        file.write_bytes(exported(published, form))
        done = subprocess.run(
            ["soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/office",
             *(["--infilter=CSV:59,34,76,1,,1044"] if form == "csv" else []),
             "--convert-to", f"csv:Text - txt - csv (StarCalc):{OUT}",
             "--outdir", tmp_path / form, file],
            capture_output=True, text=True, timeout=150, check=True,
        )  # fmt: skip
        told = [each for each in done.stderr.splitlines() if "javaldx" not in each]  # no Java here
        assert not any("warn" in each.lower() for each in told), told
        lines = next((tmp_path / form).iterdir()).read_text("utf-8").splitlines()
        shown[form] = [line.split(";") for line in lines]
    assert [line[5:8] for line in shown["csv"]] == [line[5:8] for line in shown["xlsx"]]
    assert [line[9:12] for line in shown["csv"]] == [line[9:12] for line in shown["xlsx"]]
    del db
