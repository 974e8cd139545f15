"""Every row of RFC 6121 appendix A, and what two lists make of each other's deeds."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.contacts import Contact, Subscription
from ...core.subscription import APPROVED, INBOUND, OUTBOUND, Deed, State, exchange, no_entry, received, sent, state_of
from ..people import ALICE, BOB

NAMES = {
    "None": State.NONE,
    "None + Pending Out": State.NONE_OUT,
    "None + Pending In": State.NONE_IN,
    "None + Pending Out+In": State.NONE_OUT_IN,
    "To": State.TO,
    "To + Pending In": State.TO_IN,
    "From": State.FROM,
    "From + Pending Out": State.FROM_OUT,
    "Both": State.BOTH,
}
WORDS = {"subscribe": Deed.ASK, "subscribed": Deed.GRANT, "unsubscribed": Deed.REVOKE, "unsubscribe": Deed.STOP}

A_2 = """
A.2.1 subscribe
    None                  | route | None + Pending Out
    None + Pending Out    | route | no change
    None + Pending In     | route | None + Pending Out+In
    None + Pending Out+In | route | no change
    To                    | route | no change
    To + Pending In       | route | no change
    From                  | route | From + Pending Out
    From + Pending Out    | route | no change
    Both                  | route | no change
A.2.2 unsubscribe
    None                  | route | no change
    None + Pending Out    | route | None
    None + Pending In     | route | no change
    None + Pending Out+In | route | None + Pending In
    To                    | route | None
    To + Pending In       | route | None + Pending In
    From                  | route | no change
    From + Pending Out    | route | From
    Both                  | route | From
A.2.3 subscribed
    None                  | stay  | no change
    None + Pending Out    | stay  | no change
    None + Pending In     | route | From
    None + Pending Out+In | route | From + Pending Out
    To                    | stay  | no change
    To + Pending In       | route | Both
    From                  | stay  | no change
    From + Pending Out    | stay  | no change
    Both                  | stay  | no change
A.2.4 unsubscribed
    None                  | stay  | no change
    None + Pending Out    | stay  | no change
    None + Pending In     | route | None
    None + Pending Out+In | route | None + Pending Out
    To                    | stay  | no change
    To + Pending In       | route | To
    From                  | route | None
    From + Pending Out    | route | None + Pending Out
    Both                  | route | To
"""

A_3 = """
A.3.1 subscribe
    None                  | deliver | None + Pending In
    None + Pending Out    | deliver | None + Pending Out+In
    None + Pending In     | keep    | no change
    None + Pending Out+In | keep    | no change
    To                    | deliver | To + Pending In
    To + Pending In       | keep    | no change
    From                  | answer  | no change
    From + Pending Out    | answer  | no change
    Both                  | answer  | no change
A.3.2 unsubscribe
    None                  | keep    | no change
    None + Pending Out    | keep    | no change
    None + Pending In     | deliver | None
    None + Pending Out+In | deliver | None + Pending Out
    To                    | keep    | no change
    To + Pending In       | deliver | To
    From                  | deliver | None
    From + Pending Out    | deliver | None + Pending Out
    Both                  | deliver | To
A.3.3 subscribed
    None                  | keep    | no change
    None + Pending Out    | deliver | To
    None + Pending In     | keep    | no change
    None + Pending Out+In | deliver | To + Pending In
    To                    | keep    | no change
    To + Pending In       | keep    | no change
    From                  | keep    | no change
    From + Pending Out    | deliver | Both
    Both                  | keep    | no change
A.3.4 unsubscribed
    None                  | keep    | no change
    None + Pending Out    | deliver | None
    None + Pending In     | keep    | no change
    None + Pending Out+In | deliver | None + Pending In
    To                    | deliver | None
    To + Pending In       | deliver | None + Pending In
    From                  | keep    | no change
    From + Pending Out    | deliver | From
    Both                  | deliver | From
"""


def rows(table: str):
    """Section, stanza type, state, what happens to the stanza, new state."""
    section = word = ""
    for line in table.strip().splitlines():
        if line[0] != " ":
            section, word = line.split()
            continue
        before, fate, after = (cell.strip() for cell in line.split("|"))
        yield pytest.param(word, before, fate, before if after == "no change" else after, id=f"{section} {before}")


def entry(state: State, **more: bool) -> Contact:
    subscription, asked, asking = state.value
    return Contact(ALICE, BOB, "Bob", ("Friends",), subscription, asked, asking, **more)


@pytest.mark.parametrize(("word", "before", "fate", "after"), list(rows(A_2)))
def test_what_the_owner_does(word, before, fate, after):
    outcome = sent(entry(NAMES[before]), WORDS[word])
    assert state_of(outcome.contact) is NAMES[after]
    assert outcome.goes is (fate == "route")
    assert outcome.reply is None


@pytest.mark.parametrize(("word", "before", "fate", "after"), list(rows(A_3)))
def test_what_the_contact_does(word, before, fate, after):
    outcome = received(entry(NAMES[before]), WORDS[word])
    assert state_of(outcome.contact) is NAMES[after]
    assert outcome.goes is (fate == "deliver")
    assert outcome.reply is (Deed.GRANT if fate == "answer" else None)


def test_the_tables_have_every_row_and_no_other():
    assert len(list(rows(A_2))) == len(list(rows(A_3))) == 4 * 9
    for table in (OUTBOUND, INBOUND):
        assert set(table) == set(Deed)
        assert all(set(by_state) == set(State) for by_state in table.values())


# ---- section 3.4: approval in advance


@pytest.mark.parametrize("before", ["None", "None + Pending Out", "To"])
def test_a_yes_before_the_question_is_noted_and_told_nobody(before):
    outcome = sent(entry(NAMES[before]), Deed.GRANT)
    assert outcome.contact.approved
    assert not outcome.goes
    assert state_of(outcome.contact) is NAMES[before]


@pytest.mark.parametrize(
    ("before", "after"), [("None", "From"), ("None + Pending Out", "From + Pending Out"), ("To", "Both")]
)
def test_the_question_then_is_answered_without_bothering_anyone(before, after):
    outcome = received(entry(NAMES[before], approved=True), Deed.ASK)
    assert state_of(outcome.contact) is NAMES[after]
    assert (outcome.goes, outcome.reply) == (False, Deed.GRANT)


def test_the_approval_is_used_up():
    approved = sent(entry(State.NONE), Deed.GRANT).contact
    granted = received(approved, Deed.ASK).contact
    revoked = sent(granted, Deed.REVOKE).contact
    assert state_of(revoked) is State.NONE
    assert received(revoked, Deed.ASK).goes


@pytest.mark.parametrize("before", list(APPROVED))
def test_an_approval_can_be_taken_back(before):
    outcome = sent(entry(before, approved=True), Deed.REVOKE)
    assert not outcome.contact.approved
    assert not outcome.goes


@pytest.mark.parametrize(
    "before", [State.NONE_IN, State.NONE_OUT_IN, State.TO_IN, State.FROM, State.FROM_OUT, State.BOTH]
)
def test_a_yes_to_a_question_or_to_somebody_who_sees_is_no_approval_in_advance(before):
    assert not sent(entry(before), Deed.GRANT).contact.approved


# ---- who gets on the list


def test_asking_and_granting_put_somebody_on_the_list():
    for deed in (Deed.ASK, Deed.GRANT):
        assert sent(no_entry(ALICE, BOB), deed).contact.listed


def test_a_strangers_question_does_not_and_neither_does_a_no():
    question = received(no_entry(ALICE, BOB), Deed.ASK).contact
    assert not question.listed
    assert question.asking
    assert sent(question, Deed.REVOKE).contact == no_entry(ALICE, BOB)
    assert received(question, Deed.STOP).contact == no_entry(ALICE, BOB)
    assert sent(question, Deed.GRANT).contact.listed


@pytest.mark.parametrize("deed", list(Deed))
@pytest.mark.parametrize("state", list(State))
def test_no_deed_touches_name_and_groups(deed, state):
    for outcome in (sent(entry(state), deed), received(entry(state), deed)):
        assert (outcome.contact.name, outcome.contact.groups) == ("Bob", ("Friends",))


def test_an_entry_that_says_two_things_at_once_is_read_as_answered():
    """Imported from elsewhere: subscribed, and the question still noted."""
    assert state_of(Contact(ALICE, BOB, subscription=Subscription.BOTH, asked=True, asking=True)) is State.BOTH
    assert state_of(Contact(ALICE, BOB, subscription=Subscription.TO, asked=True)) is State.TO


def test_every_combination_of_flags_is_a_state():
    for subscription, asked, asking in product(Subscription, (False, True), (False, True)):
        assert state_of(Contact(ALICE, BOB, "", (), subscription, asked, asking)) in State


# ---- two lists, one relation


class Pair:
    """Alice's entry for Bob and Bob's for Alice; deeds go from one to the other as the tables say."""

    def __init__(self):
        self.entries = {ALICE: no_entry(ALICE, BOB), BOB: no_entry(BOB, ALICE)}

    def does(self, who, deed: Deed):
        other = BOB if who is ALICE else ALICE
        outcome = exchange(self.entries[who], deed, self.entries[other])
        self.entries = {who: outcome.mine, other: outcome.theirs}
        return outcome


@given(st.lists(st.tuples(st.sampled_from([ALICE, BOB]), st.sampled_from(list(Deed))), max_size=25))
def test_whatever_two_people_do_their_lists_agree(deeds):
    pair = Pair()
    for who, deed in deeds:
        pair.does(who, deed)
        for one, other in ((ALICE, BOB), (BOB, ALICE)):
            assert pair.entries[one].sees == pair.entries[other].seen
            assert pair.entries[one].asked == pair.entries[other].asking


def test_both_ask_and_both_wait_for_an_answer():
    """Asking the one who asked is no answer: RFC 6121 keeps both questions open."""
    pair = Pair()
    pair.does(ALICE, Deed.ASK)
    pair.does(BOB, Deed.ASK)
    assert [state_of(pair.entries[who]) for who in (ALICE, BOB)] == [State.NONE_OUT_IN, State.NONE_OUT_IN]
    pair.does(ALICE, Deed.GRANT)
    assert [state_of(pair.entries[who]) for who in (ALICE, BOB)] == [State.FROM_OUT, State.TO_IN]
    pair.does(BOB, Deed.GRANT)
    assert [state_of(pair.entries[who]) for who in (ALICE, BOB)] == [State.BOTH, State.BOTH]


def test_lists_that_disagree_come_to_agree_when_somebody_asks_again():
    pair = Pair()
    pair.entries[ALICE] = sent(pair.entries[ALICE], Deed.ASK).contact
    pair.entries[BOB] = replace(no_entry(BOB, ALICE), subscription=Subscription.FROM, listed=True)
    pair.does(ALICE, Deed.ASK)
    assert state_of(pair.entries[ALICE]) is State.TO


def test_who_is_told_what():
    pair = Pair()
    asked = pair.does(ALICE, Deed.ASK)
    assert (asked.told, asked.answered) == (Deed.ASK, None)
    again = pair.does(ALICE, Deed.ASK)
    assert (again.told, again.answered) == (None, None)
    granted = pair.does(BOB, Deed.GRANT)
    assert (granted.told, granted.answered) == (Deed.GRANT, None)
    assert pair.does(BOB, Deed.REVOKE).told is Deed.REVOKE
    assert pair.does(ALICE, Deed.STOP).told is None


def test_the_one_who_asks_is_told_of_a_yes_in_advance_and_the_other_of_nothing():
    pair = Pair()
    assert pair.does(BOB, Deed.GRANT).told is None
    asked = pair.does(ALICE, Deed.ASK)
    assert (asked.told, asked.answered) == (None, Deed.GRANT)
    assert [state_of(pair.entries[who]) for who in (ALICE, BOB)] == [State.TO, State.FROM]


def test_a_deed_that_reaches_nobody_changes_the_owners_side_alone():
    outcome = exchange(no_entry(ALICE, BOB), Deed.ASK, None)
    assert outcome.mine.asked
    assert outcome == (outcome.mine, None, None, None)
