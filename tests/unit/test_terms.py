"""The list of structures: true codes, found by what people call them."""

import csv

import pytest
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

from app.exchange import terms
from app.exchange.terms import CATEGORIES, SIDES, search, suggest, term

CODES = {code: meaning for names in concepts["SCT"].values() for code, (meaning, _) in names.items()}
MEANINGS = {(code, meaning) for names in concepts["SCT"].values() for code, (meaning, _) in names.items()}
ROWS = list(csv.DictReader(terms.FILE.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["meaning"])
def test_every_code_is_the_standards_code_for_its_words(row):
    assert (row["code"], row["meaning"]) in MEANINGS
    assert row["category"] in CATEGORIES


def test_a_code_is_listed_once():
    assert len({row["code"] for row in ROWS}) == len(ROWS)


def test_categories_and_sides_are_those_of_the_standard():
    allowed = cid_concepts[7150]["SCT"]
    known = {code for name in allowed for code in concepts["SCT"][name]}
    assert {code for code, _ in CATEGORIES.values()} <= known
    assert all(CODES[code] == meaning for code, meaning in SIDES.values())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Liver", "Liver"),
        ("liver_2", "Liver"),
        ("Left kidney", "Left Kidney"),
        ("kidney R", "Right Kidney"),
        ("Lungs", "Lung"),
        ("lower lobe of lung, left", "Left Lower lobe of lung"),
        ("Tumour in liver", "Neoplasm"),
        ("Cyst of the left kidney", "Cyst"),
        ("metastasis 3", "Neoplasm, Secondary"),
        ("Brain stem", "Brain stem"),
        ("Segment 1", "Tissue"),
        ("Livermore", "Tissue"),
        ("", "Tissue"),
    ],
)
def test_a_name_suggests_what_it_says(name, text):
    assert suggest(name).text.lower() == text.lower()


def test_search_takes_beginnings_of_words_in_any_order():
    assert search("kid left")[0].text == "Left Kidney"
    assert search("tumor")[0].text in ("Neoplasm", "Neoplasm, Primary")
    assert search("xyzzy") == []
    assert len(search("")) == len(terms.terms())


def test_a_key_leads_back_to_its_term():
    assert all(term(t.key) == t for t in terms.terms())
    assert term("no such") is None
