"""The discretion lint: does a text tell more than a stranger may read over a shoulder? Pure.

A message may name a day, a time, the card, one neutral phone number and how to stop. It must not
hint at prison, drugs, treatment, a public office, a kind of appointment, a place or a name. The
lint knows words, not meaning: it catches slips; a person still reads every text before it is used.

Matching keeps to word boundaries and knows Norwegian forms: what stands in `_ANYWHERE` is caught
inside compounds too ("kvinnefengselet"), `_BEGINNINGS` at the start of a word, `_WORDS` only
alone, so that "rus" finds neither "Russland" nor "rusk". Abbreviations that are ordinary words in
small letters ("det lar seg gjøre") stand in `_CAPITALS`. All lists hold for every language: a
Norwegian word in a Polish text tells as much.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Rule(StrEnum):
    """What a text gives away."""

    PRISON = "prison"
    DRUGS = "drugs"
    TREATMENT = "treatment"
    MENTAL_HEALTH = "mental_health"
    OFFICE = "office"
    DIAGNOSIS = "diagnosis"
    KIND = "kind"
    ADDRESS = "address"
    NAME = "name"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Fault:
    """One hit: the rule, the words found and where they begin (in the text as the lint reads it).

    `found` may be a person's name: it is for the one who edits the text, never for a log.
    """

    rule: Rule
    found: str
    at: int


_ANYWHERE: Final[Mapping[Rule, str]] = {
    Rule.PRISON: r"fengs[el]l?\w*|kriminalomsorg|løslat|lauslat|forvaring|inmate|imprison",
    Rule.DRUGS: r"overdos|nalokson|naloxon|narkotik|narcotic|opioid|opiat|rusmi[ds]|stoffmisbruk",
    Rule.TREATMENT: r"legemiddelassist|substitusjon|rehab",
    Rule.MENTAL_HEALTH: r"psykisk|psykiat|psykolog|psykose|psychiat|psycholog",
    Rule.OFFICE: r"sosialkontor|sosialtjenest|sosialtenest",
    Rule.DIAGNOSIS: r"diagnos",
}
"""Parts of words, wherever they stand in one."""

_OTHER_LANGUAGES: Final[Mapping[Rule, str]] = {
    # Northern Sámi, Polish, Lithuanian, Romanian, Arabic, Somali, Russian: the words a draft could
    # slip into. Stems only; matched anywhere in a word, as Arabic writes its article in one.
    Rule.PRISON: (
        r"giddagas|więzie|więźni|areszt|kalėjim|įkalin|pataisos|închis|pușcări|penitenciar|"
        r"detenți|سجن|سجين|xabsi|тюрьм|тюрем|заключ|колони|сизо"
    ),
    Rule.DRUGS: (
        r"gárrenmirko|gárrendil|narkoty|przedawk|uzależn|perdoz|priklausomyb|supradoz|droguri|"
        r"drogat|dependenț|جرعة زائدة|مخدر|إدمان|نالوكسون|daroogo|muqaadar|maandooriye|передоз|"
        r"наркот|налоксон|героин|зависимост"
    ),
    Rule.TREATMENT: r"odwyk|substytuc|метадон|реабилит|ميثادون|dezintox",
    Rule.MENTAL_HEALTH: r"psyhk|psychicz|psichiatr|psicholog|psihiatr|psiholog|психи|психо|نفسي",
    Rule.OFFICE: r"opiek\w+ społeczn|socialin\w+ tarnyb|соцслужб|الرعاية الاجتماعية",
    Rule.KIND: (
        r"doavttir|buohcceviess|lekarz|przychodni|szpital|dentyst|gydytoj|ligonin|odontolog|"
        r"spital|طبيب|عيادة|مستشفى|dhakhtar|isbitaal|врач|больниц|клиник|стоматолог"
    ),
}
"""The same in the languages of the drafts."""

_BEGINNINGS: Final[Mapping[Rule, str]] = {
    Rule.PRISON: (
        r"fange|innsatt|soning|friomsorg|prøveløs|prison|jail|custod|convict|probation|parole|"
        r"release|anstalt|varetekt|straff"
    ),
    Rule.DRUGS: (
        r"rus(?:avh|avd|beh|bruk|feltet|fri|inst|klin|kons|omsorg|pol|prob|påv|rel|team|ten|tje|"
        r"vern|akutt|-)|stoff(?:avh|bruk)|narko|heroin|morfin|morphin|fentanyl|amfetamin|"
        r"amphetamin|kokain|cocain|cannabis|hasj|addict|avhengighe|misbruk|substance|sprøyte|"
        r"nesespray|naloks|syringe|drug(?:s|ged)"
    ),
    Rule.TREATMENT: r"metadon|methadon|buprenor|subutex|suboxone|avrus|detox|lar-|oat-",
    Rule.MENTAL_HEALTH: r"psyk|psycho",
    Rule.OFFICE: r"nav-|navkontor|velferdsforvaltning|welfare|barnevern|kommune|municipal",
    Rule.KIND: (
        r"fastleg|legetim|legekontor|legevakt|tannleg|tannhelse|helse|health|sykehus|sjukehus|"
        r"klinikk|poliklinikk|hospital|clinic|doctor|dentist|bolig|bustad|housing"
    ),
}
"""Beginnings of words; the rest of the word may be anything."""

_WORDS: Final[Mapping[Rule, str]] = {
    Rule.PRISON: r"celle[nr]?|kdi|krus|dommen|sentenced?",
    Rule.DRUGS: r"rus(?:en|et|s)?|drug|dop|sprayen|spray|needles?",
    Rule.TREATMENT: r"tsb|dps|bup",
    Rule.MENTAL_HEALTH: r"mental\w*\s+(?:helse|liding|lidelse|illness|disorder)",
    Rule.OFFICE: r"navs?",
    Rule.DIAGNOSIS: r"hiv|hepatitt?\w*|adhd|ptsd",
    Rule.KIND: r"legen?s?",
}
"""Whole words."""

_CAPITALS: Final[Mapping[Rule, str]] = {
    Rule.DRUGS: r"OD",
    Rule.TREATMENT: r"LAR|OAT|L[.\s]\s?A[.\s]\s?R\b\.?|O[.\s]\s?A[.\s]\s?T\b\.?",
    Rule.KIND: r"GP",
}
"""Whole words that only tell when they are written in capitals."""

_ADDRESSES: Final = (
    # Storgata, Kirkeveien: the definite forms tell by themselves.
    re.compile(
        r"\b\w{2,}(?:gata|gaten|veien|vegen|alleen|alléen|torget)\b(?:\s+\d+)?", re.IGNORECASE
    ),
    # Karl Johans gate 5, Akersgt. 2, Youngs plass 1: these only before a house number.
    re.compile(
        r"\b\w*(?:gate|gt\.|vei|veg|vn\.|allé|plass|plassen|torg|sti|stien|bakke|bakken|"
        r"svingen|brygge|kaia?)\s+\d{1,3}\s?[a-h]?\b(?![.:]?\d|\s\d)",
        re.IGNORECASE,
    ),
    # 12 Hill Street
    re.compile(
        r"\b\d{1,4}[A-Z]?\s(?:[A-Z]\w+\s){1,2}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Drive|Square)\b"
    ),
    # 0150 Oslo; the digits before it would make it the end of a phone number.
    re.compile(r"(?<![\d+])(?<!\d )\d{4}\s[A-ZÆØÅ]\w+"),
    # Grønlandsleiret 39: a long capitalised word before a house number, which is neither a date
    # (Onsdag 25. nov., Wednesday 25 Nov) nor a phone number.
    re.compile(
        r"\b[A-ZÆØÅ][a-zæøåäöéü]{5,}\s\d{1,3}(?:\s?[A-H])?\b"
        r"(?![.:]?\d|\.\s?[a-zæøå\d]|\s\d|\s[A-Z][a-z])"
    ),
)

_UNSEEN: Final = frozenset("\u00ad\u200b\u2060\ufeff")
"""Soft hyphen and the zero-width characters that only serve to hide a word."""


def faults(text: str, names: Iterable[str] = ()) -> tuple[Fault, ...]:
    """Everything in the text that tells too much, in the order in which it stands there.

    `names` are the names the caller knows: units with their aliases, offices, the person. Each is
    looked for whole and in its capitalised parts, with or without a genitive s.
    """
    known = tuple(names)
    return _faults(text, known) if known else _faults_of_text(text)


def _faults(text: str, names: tuple[str, ...]) -> tuple[Fault, ...]:
    read = _as_read(text)
    found = [Fault(rule, hit.group().strip(), hit.start()) for rule, hit in _hits(read, names)]
    found.extend(
        Fault(Rule.HIDDEN, f"U+{ord(character):04X}", at)
        for at, character in enumerate(text)
        if character in _UNSEEN or (unicodedata.category(character) == "Cc" and character != "\n")
    )
    return tuple(sorted(set(found), key=lambda fault: (fault.at, fault.rule, fault.found)))


@lru_cache(maxsize=2048)
def _faults_of_text(text: str) -> tuple[Fault, ...]:
    """Remembered: of ten thousand reminders that are due at once most name one of few times."""
    return _faults(text, ())


def _hits(read: str, names: Iterable[str]) -> Iterator[tuple[Rule, re.Match[str]]]:
    for rule, pattern in _PATTERNS:
        for hit in pattern.finditer(read):
            yield rule, hit
    for pattern in _ADDRESSES:
        for hit in pattern.finditer(read):
            yield Rule.ADDRESS, hit
    for name in names:
        for pattern in _name_patterns(_as_read(name)):
            for hit in pattern.finditer(read):
                yield Rule.NAME, hit


def _as_read(text: str) -> str:
    """The text as an eye reads it: composed, full-width forms folded, invisible marks gone."""
    composed = unicodedata.normalize("NFKC", text)
    return "".join(c for c in composed if unicodedata.category(c) != "Cf")


def _patterns() -> Iterator[tuple[Rule, re.Pattern[str]]]:
    for table, shape, flag in (
        (_ANYWHERE, r"\w*(?:{})\w*", re.IGNORECASE),
        (_OTHER_LANGUAGES, r"\w*(?:{})\w*", re.IGNORECASE),
        (_BEGINNINGS, r"\b(?:{})[\w-]*", re.IGNORECASE),
        (_WORDS, r"\b(?:{})\b", re.IGNORECASE),
        (_CAPITALS, r"(?<!\w)(?:{})(?!\w)", re.NOFLAG),
    ):
        for rule, words in table.items():
            yield rule, re.compile(shape.replace("{}", words), flag)


_PATTERNS: Final = tuple(_patterns())


def _name_patterns(name: str) -> Iterator[re.Pattern[str]]:
    words = re.findall(r"[^\W\d_]+", name)
    if not words:
        return
    whole = r"[\W_]+".join(re.escape(word) for word in words)
    yield re.compile(rf"\b{whole}s?\b", re.IGNORECASE)
    if len(words) == 1:
        return
    for word in words:
        # "og" and "for" in a unit's name are no names; "Bo" is one, "bo" is not.
        if len(word) > 1 and word[0].isupper():
            flag = re.IGNORECASE if len(word) > 3 else re.NOFLAG
            yield re.compile(rf"\b{re.escape(word)}s?\b", flag)
