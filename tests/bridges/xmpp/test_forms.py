"""Data forms: what is written is read again, and what does not fit what was asked is refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....bridges.xmpp.forms import FORM_TYPE, MAX_FIELDS, MAX_VALUES, Answers, BadForm, Field, filled, form, read, table
from ....bridges.xmpp.syntax import xml
from ....bridges.xmpp.syntax.stanza import Stanza

DATA = xml.DATA_FORM
ASKED = (
    Field("name", label="Name"),
    Field("who", "jid-single"),
    Field("whom", "jid-multi"),
    Field("words", "text-multi"),
    Field("sure", "boolean"),
    Field("one", "list-single", options=(("1", "First"), ("2", ""))),
    Field("several", "list-multi", options=(("1", ""), ("2", ""))),
)


def tree(written: bytes):
    return Stanza.read(b"<w>" + written + b"</w>").tree[0]


def submitted(**values: object):
    """A form as a client fills it in."""
    fields = [Field(var, values=(v,) if isinstance(v, str) else tuple(v)) for var, v in values.items()]
    return tree(form(fields, type="submit"))


def test_a_form_says_what_it_asks():
    written = form(
        [Field("who", "jid-single", "Who?", ("a@b",), required=True), ASKED[5]],
        form_type="urn:x",
        title="Title & more",
        instructions="Fill this in",
    )
    x = tree(written)
    assert x.get("type") == "form"
    assert x.findtext(f"{{{DATA}}}title") == "Title & more"
    assert x.findtext(f"{{{DATA}}}instructions") == "Fill this in"
    kind, who, one = x.findall(f"{{{DATA}}}field")
    assert (kind.get("var"), kind.get("type"), kind[0].text) == (FORM_TYPE, "hidden", "urn:x")
    assert who.attrib == {"var": "who", "type": "jid-single", "label": "Who?"}
    assert [kid.tag.partition("}")[2] for kid in who] == ["required", "value"]
    first, second = one.findall(f"{{{DATA}}}option")
    assert (first.get("label"), first[0].text, second.get("label"), second[0].text) == ("First", "1", None, "2")


def test_a_table_has_its_columns_and_rows():
    x = tree(table([Field("a", label="A"), Field("b")], [("1", "2"), ("<", "")], form_type="urn:x"))
    assert [field.get("var") for field in x.find(f"{{{DATA}}}reported")] == ["a", "b"]
    rows = [[field[0].text for field in row] for row in x.findall(f"{{{DATA}}}item")]
    assert rows == [["1", "2"], ["<", None]]


def test_answers_are_read_as_the_fields_mean_them():
    given = submitted(
        name="Alice", who="ALICE@Example.test/Desk", whom=["b@x", "B@X", ""], words=["a", "", "b"], sure="true", one="2"
    )
    answers = filled(given, ASKED)
    assert answers.one("name") == "Alice"
    assert answers.one("who") == "alice@example.test/Desk"
    assert answers["whom"] == ("b@x",)
    assert answers.text("words") == "a\n\nb"
    assert answers.truth("sure") and answers.one("one") == "2"
    assert answers["several"] == () and answers.one("several") == "" and not Answers().truth("sure")


def test_fields_that_nobody_asked_for_are_ignored_and_hidden_ones_are_ours():
    answers = filled(submitted(other="1", secret="theirs"), [Field("secret", "hidden", values=("ours",)), ASKED[0]])
    assert dict(answers) == {"secret": ("ours",), "name": ()}
    assert "other" in read(submitted(other="1"))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"name": ["a", "b"]}, "one value"),
        ({"who": "@"}, "who"),
        ({"whom": ["a@b", "a@b@c"]}, "whom"),
        ({"sure": "maybe"}, "yes or no"),
        ({"one": "3"}, "not offered"),
        ({"one": ["1", "2"]}, "one value"),
        ({"several": ["1", "3"]}, "not offered"),
        ({"words": ["x"] * (MAX_VALUES + 1)}, "more than"),
        ({f"f{n}": "" for n in range(MAX_FIELDS + 1)}, "no more than"),
        ({FORM_TYPE: "urn:other"}, "type"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(values, why):
    with pytest.raises(BadForm, match=why):
        filled(submitted(**values), ASKED, form_type="urn:x")


def test_a_field_is_there_once():
    twice = form([Field("name", values=("a",)), Field("name", values=("b",))], type="submit")
    with pytest.raises(BadForm, match="twice"):
        filled(tree(twice), ASKED)


@pytest.mark.parametrize("given", [None, submitted(), submitted(name=""), submitted(name=[])])
def test_what_is_required_is_required(given):
    with pytest.raises(BadForm, match="required"):
        filled(given, [Field("name", required=True)])
    assert filled(given, ASKED[:1]).one("name") == ""


WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=20)


@given(st.dictionaries(WORDS.filter(lambda var: var != FORM_TYPE), st.lists(WORDS, max_size=4), max_size=8))
def test_whatever_is_written_is_read_again(values):
    fields = [Field(var, "text-multi", values=tuple(given)) for var, given in values.items()]
    answers = read(tree(form(fields, type="submit")))
    assert {var: list(answers[var]) for var in answers} == values
    assert filled(tree(form(fields, type="submit")), fields) == answers


@given(st.recursive(WORDS, lambda inner: st.lists(inner, max_size=3), max_leaves=8), st.sampled_from(ASKED))
def test_any_answer_is_one_or_is_refused(anything, field):
    def element(thing: object) -> bytes:
        inner = b"".join(element(one) for one in thing) if isinstance(thing, list) else xml.text(thing).encode()
        return xml.element("value", None, inner)

    given = tree(xml.element("x", {"xmlns": DATA}, xml.element("field", {"var": field.var}, element(anything))))
    try:
        answers = filled(given, [field])
    except BadForm as why:
        assert str(why)
    else:
        assert len(answers[field.var]) <= 1
