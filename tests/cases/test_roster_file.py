from __future__ import annotations

import csv
import io
import os
import signal
import sys
import time
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import roster_child
from cases.roster_child import parse_in_child
from cases.roster_columns import Column, matching_key, recognised
from cases.roster_file import Limits, RawRow, count_rows, open_roster, read_roster
from core.errors import BadInput
from core.processors import ALL
from tests.cases.rosters import (
    DIRTY,
    FIRST,
    HEADER,
    PLAIN,
    SECOND,
    large_workbook,
    repacked,
    workbook,
)

BOOK_HEADER: list[object] = ["innsattnr", "fornavn", "enhet", "innsatt"]
BOOK = workbook([BOOK_HEADER, [1, "Kari", "oslo", datetime(2026, 9, 1, 8)]])  # noqa: DTZ001
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def rows_of(content: bytes | str, name: str = "", limits: Limits | None = None) -> list[RawRow]:
    written = content.encode() if isinstance(content, str) else content
    return list(open_roster(io.BytesIO(written), name=name, limits=limits or Limits()).rows)


def refusal(content: bytes | str, name: str = "", limits: Limits | None = None) -> BadInput:
    with pytest.raises(BadInput) as refused:
        rows_of(content, name, limits)
    assert "\n" not in refused.value.detail
    return refused.value


# --- text files --------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_roster_reads_the_same_in_every_delimiter_encoding_and_line_end(
    delimiter: str, encoding: str, line_end: str
) -> None:
    text = f"innsattnr;fødselsdato;enhet;innsatt{line_end}7;01.02.1990;Bodø;01.09.2026{line_end}"

    rows = rows_of(text.replace(";", delimiter).encode(encoding))

    assert rows == [
        RawRow(2, {"innsattnr": "7", "fødselsdato": "01.02.1990", "enhet": "Bodø",
                   "innsatt": "01.09.2026"})
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Innsatt nr.", Column.inmate_no),
        ("INNSATTNR", Column.inmate_no),
        ("Fengsel/avdeling", Column.unit),
        ("Planlagt løsl.dato", Column.planned),
        ("PLANLAGT_LØSLATELSE", Column.planned),
        ("Mobilnr", Column.mobile),
        ("Mobil nr.", Column.mobile),
        ("fodselsnummer", Column.national_id),
        ("Fødselsnr.", Column.national_id),
        ("Foedselsdato", Column.born),
        ("Fornamn", Column.first_name),
        ("Lauslatingsgrunnlag", Column.basis),
        ("Sprak", Column.language),
        ("Inmate no", Column.inmate_no),
        ("Admission date", Column.admitted),
        ("Lopenr", None),
        ("Løslatelsesdato", None),
        ("Avdeling", None),
        ("", None),
        ("...", None),
    ],
)
def test_header_names_are_matched_generously_but_never_guessed(
    name: str, column: Column | None
) -> None:
    assert recognised(name) is column


def test_canonical_names_are_their_own_synonyms_and_no_two_share_a_key() -> None:
    assert [recognised(column.value) for column in Column] == list(Column)
    assert len({matching_key(column.value) for column in Column}) == len(Column)


def test_columns_may_come_in_any_order_with_strangers_between_them() -> None:
    roster = open_roster(
        io.BytesIO(b"innsatt;Celle;enhet;Merknad;innsattnr;\n01.09.2026;4;oslo;x;7;\n")
    )

    assert roster.header.unknown == ("Celle", "Merknad")
    assert [row.cells for row in roster.rows] == [
        {"innsatt": "01.09.2026", "enhet": "oslo", "innsattnr": "7"}
    ]


def test_lines_are_physical_also_after_quoted_line_breaks_and_empty_lines() -> None:
    rows = rows_of(f'{HEADER}\n1;"Ka\nri";Berg;oslo;x\n\n;;;;\n2;Ola;Dahl;bergen;y\n')

    assert [(row.line, row.cells["fornavn"]) for row in rows] == [(2, "Ka\nri"), (6, "Ola")]


def test_titles_and_the_hint_of_a_spreadsheet_may_stand_above_the_header() -> None:
    roster = open_roster(io.BytesIO(f"sep=;\nInnsatte per 1. september;;\n\n{PLAIN}".encode()))

    assert roster.header.line == 4
    assert roster.header.rows == 2
    assert [row.line for row in roster.rows] == [5, 6]


def test_quoted_delimiters_and_quotation_marks_belong_to_the_cell() -> None:
    rows = rows_of(f'{HEADER}\n1;"A;""B""";O"Hara;oslo;x\n')

    assert rows[0].cells["fornavn"] == 'A;"B"'
    assert rows[0].cells["etternavn"] == 'O"Hara'


def test_filled_cells_beyond_the_columns_are_told_and_blank_ones_are_not() -> None:
    told, blank = rows_of(f"{HEADER}\n1;Ka;ri;Berg;oslo;x\n2;Ola;Dahl;oslo;x;; \n")

    assert told.spilled
    assert not blank.spilled


def test_an_endless_cell_is_cut_so_that_it_stays_too_long_for_any_value() -> None:
    row = rows_of(f"{HEADER}\n1;{'x' * 100_000};Berg;oslo;y\n")[0]

    assert len(row.cells["fornavn"]) == 4_000


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "a.csv", "empty_file"),
        (b"\xef\xbb\xbf \r\n\r\n", "a.csv", "empty_file"),
        (b" " * 5_000, "a.csv", "empty_file"),
        (b"%PDF-1.7\n%\xe2\xe3", "a.csv", "not_csv_or_xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls", "not_csv_or_xlsx"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
            + b"\0" * 5_000
            + "EncryptedPackage".encode("utf-16-le"),
            "a.xlsx",
            "encrypted",
        ),
        (PLAIN.encode("utf-16"), "a.csv", "not_text"),
        (PLAIN.encode() + b"\0", "a.csv", "not_text"),
        (PLAIN.encode() + b"\x81", "a.csv", "not_text"),
        (f"{PLAIN}3;Bjørn;".encode() + b"\xc5sen;oslo;x", "a.csv", "mixed_encoding"),
        (b"\xef\xbb\xbf" + PLAIN.encode() + b"3;\xc5se;;oslo;x", "a.csv", "mixed_encoding"),
        (PLAIN.encode(), "a.xlsx", "name_and_content_differ"),
        (BOOK, "a.csv", "name_and_content_differ"),
        (b"name,age\nKari,3\n", "a.csv", "not_a_roster"),
        (b"just some words", "", "not_a_roster"),
        (b"innsattnr;enhet\n1;oslo\n", "a.csv", "missing_column"),
        (b"fornavn;etternavn\nKari;Berg\n", "a.csv", "missing_column"),
        (b"innsattnr;Innsatt nr.;enhet;innsatt\n", "a.csv", "column_twice"),
        (f'{PLAIN}3;"Kari;Berg;oslo;x\n4;Ola;Dahl;oslo;x\n'.encode(), "a.csv", "bad_quoting"),
        (f'{PLAIN}3;"Kari" B;Berg;oslo;x\n'.encode(), "a.csv", "bad_quoting"),
        (b'"', "a.csv", "bad_quoting"),
    ],
)
def test_what_is_no_roster_is_refused_with_the_reason(
    content: bytes, name: str, reason: str
) -> None:
    assert refusal(content, name).reason == reason


def test_a_missing_column_is_named() -> None:
    refused = refusal("innsattnr;enhet;fornavn\n1;oslo;Kari\n")

    assert refused.field == "innsatt"
    assert "innsatt is missing" in refused.detail


def test_a_quotation_mark_that_swallows_the_file_is_found_before_any_row_is_given() -> None:
    swallowed = f'{PLAIN}3;"Kari;Berg;oslo;x\n' + "4;Ola;Dahl;oslo;x\n" * 50

    with pytest.raises(BadInput, match="line 4"):
        open_roster(io.BytesIO(swallowed.encode()))


def test_limits_of_size_and_rows_are_kept() -> None:
    assert refusal(PLAIN, limits=Limits(max_bytes=20)).reason == "too_large"
    assert refusal(PLAIN, limits=Limits(max_rows=1)).reason == "too_large"
    assert len(rows_of(PLAIN, limits=Limits(max_rows=2))) == 2


def test_a_path_that_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.csv", "no_such_file"), (tmp_path, "unreadable")):
        with pytest.raises(BadInput) as refused:
            list(read_roster(path))
        assert refused.value.reason == reason


def test_the_sample_rosters_have_the_rows_that_they_have() -> None:
    assert [len(list(read_roster(path))) for path in (FIRST, SECOND, DIRTY)] == [120, 121, 59]
    assert count_rows(FIRST) == 120


# --- workbooks ---------------------------------------------------------------------------------


def test_typed_cells_become_what_a_person_saw() -> None:
    header = ["innsattnr", "fødselsdato", "fødselsnummer", "enhet", "innsatt", "mobil", "løslatt"]
    moment = datetime(2026, 9, 1, 8, 30)  # noqa: DTZ001 - a spreadsheet knows no zone
    midnight = datetime(2026, 9, 1)  # noqa: DTZ001
    day, minute = "dd.mm.yyyy", "dd.mm.yyyy hh:mm"
    rows = rows_of(
        workbook([
            [*header],
            [102041.0, (date(1990, 2, 1), day), (1918445222, "00000000000"), "oslo",
             (moment, minute), 40612345, None],
            ["A-1", "01.02.90", "1918445222", True, (midnight, minute), 4.06e14, (midnight, day)],
            ["0012", None, None, 12.5, (midnight, day), "+47 406 12 345", None],
        ])
    )  # fmt: skip

    assert [list(row.cells.values()) for row in rows] == [
        ["102041", "1990-02-01", "01918445222", "oslo", "2026-09-01 08:30:00", "40612345"],
        ["A-1", "01.02.90", "1918445222", "TRUE", "2026-09-01 00:00:00", "406000000000000",
         "2026-09-01"],
        ["0012", "12.5", "2026-09-01", "+47 406 12 345"],
    ]  # fmt: skip


def test_a_formula_gives_its_saved_value_and_is_never_evaluated() -> None:
    def with_formulas(name: str, content: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return content
        return content.replace(
            b"</row></sheetData>",
            b'<c r="E2" t="str"><f>1+1</f><v>nb</v></c><c r="F2"><f>1+1</f></c></row></sheetData>',
        )

    book = workbook([[*BOOK_HEADER, "språk", "mobil"], ["1", "Kari", "oslo", "01.09.2026"]])
    row = rows_of(repacked(book, with_formulas))[0]

    assert row.cells["språk"] == "nb"
    assert "mobil" not in row.cells


def test_the_first_sheet_with_the_header_counts_and_lines_are_its_row_numbers() -> None:
    book = workbook(
        [["Innsatte"], [], BOOK_HEADER, [], ["1", "Kari", "oslo", "01.09.2026"]], sheets_before=2
    )

    roster = open_roster(io.BytesIO(book), name="a.xlsx")

    assert roster.header.line == 3
    assert [row.line for row in roster.rows] == [5]


def test_a_workbook_without_the_columns_or_without_rows_is_refused() -> None:
    assert refusal(workbook([["innsattnr", "enhet"], ["1", "oslo"]])).reason == "missing_column"
    assert refusal(workbook([["x"], ["1"]])).reason == "not_a_roster"
    assert refusal(workbook([])).reason == "empty_file"


def test_the_dimensions_that_a_workbook_claims_are_not_believed() -> None:
    def claiming(name: str, content: bytes) -> bytes:
        return content.replace(b'ref="A1:D2"', b'ref="A1:XFD1048576"')

    assert rows_of(repacked(BOOK, claiming)) == rows_of(BOOK)


def test_a_forged_row_number_does_not_run_on_for_ever() -> None:
    def forged(name: str, content: bytes) -> bytes:
        return content.replace(b'r="2"', b'r="99999999999"').replace(b'r="A2"', b'r="A99999999999"')

    assert refusal(repacked(BOOK, forged)).reason == "too_large"


def test_a_small_workbook_that_unpacks_to_114_megabytes_is_refused_unread() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(114):
                sheet.write(b" " * 1_000_000)

    assert bomb.tell() < 130_000
    assert refusal(bomb.getvalue(), "a.xlsx").reason == "zip_bomb"
    # Both guards hold alone: the ratio, and the size.
    assert refusal(bomb.getvalue(), limits=Limits(max_unpacked=1 << 40)).reason == "zip_bomb"
    assert refusal(bomb.getvalue(), limits=Limits(max_ratio=10_000)).reason == "zip_bomb"


def test_a_workbook_of_very_many_parts_is_refused() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w") as archive:
        for part in range(1_200):
            archive.writestr(f"xl/{part}.xml", "<a/>")

    assert refusal(bomb.getvalue()).reason == "zip_bomb"


@pytest.mark.parametrize(
    "declaration",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
    ],
)
@pytest.mark.parametrize("part", ["xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"])
def test_a_workbook_with_a_document_type_is_refused(part: str, declaration: bytes) -> None:
    def hostile(name: str, content: bytes) -> bytes:
        return content.replace(b"?>\n", b"?>\n" + declaration, 1) if name == part else content

    changed = repacked(BOOK, hostile)
    assert changed != repacked(BOOK, lambda _name, content: content)
    assert "spreadsheet program" in refusal(changed).detail


def test_other_archives_are_no_workbooks() -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")

    assert refusal(other.getvalue()).reason == "not_csv_or_xlsx"


def test_a_cut_or_damaged_workbook_is_refused() -> None:
    assert refusal(BOOK[: len(BOOK) // 2]).reason == "unreadable"
    assert refusal(BOOK[:30]).reason == "unreadable"
    assert refusal(repacked(BOOK, lambda _name, content: content[:-9])).reason == "unreadable"


# --- anything at all ---------------------------------------------------------------------------


def only_rows_or_refusal(content: bytes) -> None:
    try:
        for row in open_roster(io.BytesIO(content)).rows:
            assert row.cells
            assert all(cell == cell.strip() != "" for cell in row.cells.values())
    except BadInput:
        return  # what a refusal must be is seen in the tests above; any other exception fails here


def spliced(content: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, put in cuts:
        at = place % (len(content) + 1)
        content = content[:at] + put + content[at + length :]
    return content


PUT = [b'"', b"\n", b"\r", b";", b"\0", b"\xff", b"<", b">", b"&", b"9" * 30]
CUTS = st.lists(
    st.tuples(
        st.integers(0, 20_000),
        st.integers(0, 30),
        st.binary(max_size=8) | st.sampled_from(PUT),
    ),
    min_size=1,
    max_size=4,
)
PARTS = [
    "xl/worksheets/sheet1.xml",
    "xl/sharedStrings.xml",
    "xl/styles.xml",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "[Content_Types].xml",
]


@given(st.binary(max_size=400))
def test_random_bytes_give_rows_or_a_refusal(content: bytes) -> None:
    only_rows_or_refusal(content)
    only_rows_or_refusal(f"{HEADER}\n".encode() + content)
    only_rows_or_refusal(b"PK\x03\x04" + content)


@given(CUTS, st.sampled_from([FIRST, DIRTY]))
def test_a_mutated_text_file_gives_rows_or_a_refusal(
    cuts: list[tuple[int, int, bytes]], sample: Path
) -> None:
    only_rows_or_refusal(spliced(sample.read_bytes(), cuts))


@given(CUTS, st.sampled_from(["", *PARTS]))
def test_a_mutated_workbook_gives_rows_or_a_refusal(
    cuts: list[tuple[int, int, bytes]], part: str
) -> None:
    if part:
        mutated = repacked(
            BOOK, lambda name, content: spliced(content, cuts) if name == part else content
        )
    else:
        mutated = spliced(BOOK, cuts)
    only_rows_or_refusal(mutated)


@given(st.lists(st.lists(st.text(max_size=12), min_size=5, max_size=5), max_size=5))
def test_what_a_csv_writer_wrote_is_read_back(people: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerows([HEADER.split(";"), *people])
    content = written.getvalue()
    if "\0" in content:
        assert refusal(content).reason == "not_text"
        return

    filled = [[cell.strip() for cell in row if cell.strip()] for row in people]
    assert [list(row.cells.values()) for row in rows_of(content)] == [row for row in filled if row]


# --- the child ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [FIRST, SECOND, DIRTY])
def test_the_child_gives_the_same_rows_and_header(path: Path) -> None:
    with parse_in_child(path) as rows, path.open("rb") as stream:
        here = open_roster(stream)
        assert rows.header == here.header
        assert list(rows) == list(here.rows)


def test_the_child_reads_workbooks_too(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(BOOK)

    assert list(parse_in_child(tmp_path / "a.xlsx")) == rows_of(BOOK)


def test_a_refusal_in_the_child_arrives_whole(tmp_path: Path) -> None:
    (tmp_path / "upload").write_text("innsattnr;enhet\n1;oslo\n")

    with pytest.raises(BadInput) as refused:
        parse_in_child(tmp_path / "upload", name="august.csv")
    assert (refused.value.reason, refused.value.field) == ("missing_column", "innsatt")

    with pytest.raises(BadInput) as refused:
        parse_in_child(tmp_path / "upload", name="august.xlsx")
    assert refused.value.reason == "name_and_content_differ"


def test_the_child_does_not_keep_to_the_processor_of_a_web_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = max(os.sched_getaffinity(0))
    monkeypatch.setenv(ALL, str(last))
    with parse_in_child(many_rows(tmp_path / "a.csv")) as rows:
        assert os.sched_getaffinity(rows._child.pid) == {last}


def many_rows(path: Path, rows: int = 50_000) -> Path:
    path.write_text(HEADER + "\n" + "7;Kari;Berg;oslo;01.09.2026\n" * rows)
    return path


@LINUX
def test_the_child_has_limits_and_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERLEV_SECRET_KEY", "not-for-the-child")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with parse_in_child(many_rows(tmp_path / "a.csv")) as rows:
        own = Path(f"/proc/{rows._child.pid}")
        environment = (own / "environ").read_text()
        limits = (own / "limits").read_text()
        command = (own / "cmdline").read_text()

    assert "OVERLEV" not in environment
    assert "PYTHONPATH" not in environment
    assert str(tmp_path) not in command
    found = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()}
    assert found["Max address space"] == str(roster_child.MEMORY)
    assert found["Max cpu time"] == str(roster_child.CPU_SECONDS)
    assert found["Max file size"] == "0"
    assert int(found["Max open files"]) <= 32


def test_who_stops_reading_leaves_no_child_behind(tmp_path: Path) -> None:
    rows = parse_in_child(many_rows(tmp_path / "a.csv"))
    next(rows)
    child = rows._child

    del rows

    assert child.returncode == -signal.SIGKILL


@LINUX
def test_the_child_waits_while_nobody_reads(tmp_path: Path) -> None:
    with parse_in_child(many_rows(tmp_path / "a.csv"), patience=20) as rows:
        time.sleep(0.3)  # long enough to have written everything, were the pipe without end
        assert rows._child.poll() is None
        assert sum(1 for _ in rows) == 50_000


def test_a_killed_child_is_a_refusal_and_not_the_end_of_the_file(tmp_path: Path) -> None:
    with parse_in_child(many_rows(tmp_path / "a.csv")) as rows:
        next(rows)
        os.kill(rows._child.pid, signal.SIGKILL)

        with pytest.raises(BadInput) as refused:
            list(rows)

    assert refused.value.reason == "too_large"


def test_a_child_that_dies_otherwise_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster_child, "_PROGRAM", "import sys; sys.exit(3)")

    with pytest.raises(BadInput) as refused:
        parse_in_child(many_rows(tmp_path / "a.csv", 2))
    assert refused.value.reason == "unreadable"


def test_a_silent_child_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster_child, "_PROGRAM", "import time; time.sleep(60)")

    with pytest.raises(BadInput) as refused:
        parse_in_child(many_rows(tmp_path / "a.csv", 2), patience=0.2)
    assert refused.value.reason == "too_large"


@LINUX
@pytest.mark.parametrize("memory", [48, 64, 96, 128])
def test_a_file_that_needs_too_much_memory_ends_the_child_alone(
    tmp_path: Path, memory: int
) -> None:
    def hungry(name: str, content: bytes) -> bytes:
        if name != "xl/sharedStrings.xml":
            return content
        return content.replace(b"</sst>", b"<si><t>" + b"x" * 30_000_000 + b"</t></si></sst>")

    (tmp_path / "a.xlsx").write_bytes(repacked(BOOK, hungry))
    lenient = Limits(max_ratio=10_000)

    with pytest.raises(BadInput) as refused:
        list(parse_in_child(tmp_path / "a.xlsx", limits=lenient, memory=memory << 20))
    assert refused.value.reason == "too_large"


@pytest.mark.slow
@LINUX
def test_a_large_workbook_is_read_in_200_megabytes(tmp_path: Path) -> None:
    """`OVERLEV_TEST_ROWS=100000` is what is promised; making and reading that takes a minute."""
    many = int(os.environ.get("OVERLEV_TEST_ROWS", "25000"))
    large_workbook(tmp_path / "a.xlsx", many)

    with parse_in_child(tmp_path / "a.xlsx", memory=200 << 20) as rows:
        assert rows.header.rows == many
        assert sum(1 for _ in rows) == many
