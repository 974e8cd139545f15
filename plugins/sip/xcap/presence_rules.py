"""pres-rules: who may see somebody, as an XCAP document (RFC 5025, RFC 4745).

A rule names people and says allow, confirm, polite-block or block.  Allowed is who may see on the contact list, blocked
is who is blocked; both kinds of block are polite here.  What an allowed watcher sees is not a matter of rules here but
of access levels, so a rule that shows only parts is refused, and so is one that decides about everybody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lxml import etree

from ....core.contact_lists import MAX_BLOCKED, ContactLists
from ....core.contacts import MAX_CONTACTS
from ....core.identity import Identity
from ..translate import identity_of, sip_uri
from ..xml import local_name, text_of
from .contact_list import person_of
from .faults import Fault, cannot_keep, not_unique
from .usage import Drawer, Element, check, reread, written

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

CONTENT_TYPE = "application/auth-policy+xml"
POLICY = "urn:ietf:params:xml:ns:common-policy"
RULES = "urn:ietf:params:xml:ns:pres-rules"
OMA = "urn:oma:xml:xdm:common-policy"

ALLOW, CONFIRM, BLOCK = "allow", "confirm", "block"
HANDLING = {"block": 0, "confirm": 10, "polite-block": 20, "allow": 30}
"""The values of RFC 5025 section 3.2.1: where several rules fit, the greatest counts."""
EFFECTS = {"block": BLOCK, "polite-block": BLOCK, "confirm": CONFIRM, "allow": ALLOW}
WORDS = {ALLOW: "allowed", BLOCK: "blocked"}
SAID = {ALLOW: "allow", BLOCK: "polite-block"}
WHOLE = frozenset(("true", "full", ""))
"""What a transformation says that leaves nothing out."""
MAX_RULES = 256
"""Rules of one document."""
EMPTY = f'<ruleset xmlns="{POLICY}" xmlns:pr="{RULES}"/>'.encode()


def _policy(name: str) -> str:
    return f"{{{POLICY}}}{name}"


def _rules(name: str) -> str:
    return f"{{{RULES}}}{name}"


# ---- what a document says


def read(root: Element) -> Mapping[Identity, str]:
    """Whom it names, and what becomes of them.  Raises Fault for what would not be kept."""
    check(root.tag == _policy("ruleset"), "the root must be ruleset")
    found: dict[Identity, int] = {}
    ids: set[str] = set()
    for rule in root.iterfind(_policy("rule")):
        id = rule.get("id") or ""
        check(id, "a rule needs an id")
        if id in ids:
            raise not_unique(f'rule[@id="{id}"]', "two rules have one id")
        ids.add(id)
        if len(ids) > MAX_RULES:
            raise cannot_keep(f"there are no more than {MAX_RULES} rules")
        _check_transformations(rule)
        said, people = handling_of(rule), _people(rule)
        if people is None and EFFECTS[said] != CONFIRM:
            raise cannot_keep("what becomes of everybody else is decided for the whole site")
        for person in people or ():
            found[person] = max(found.get(person, 0), HANDLING[said])
    _check_sizes(found)
    return {person: EFFECTS[word] for person, value in found.items() for word in HANDLING if HANDLING[word] == value}


def handling_of(rule: Element) -> str:
    """The sub-handling of a rule; without one it is block (RFC 5025 section 3.2.1)."""
    said = text_of(rule.find(f"{_policy('actions')}/{_rules('sub-handling')}")) or "block"
    check(said in HANDLING, f"{said[:40]} is no sub-handling")
    return said


def _people(rule: Element) -> list[Identity] | None:
    """Those a rule is about; None for everybody whom no other names."""
    conditions = rule.find(_policy("conditions"))
    if conditions is None or not len(conditions):
        return None
    people: list[Identity] = []
    for condition in conditions:
        if condition.tag == f"{{{OMA}}}other-identity":
            return None
        if condition.tag == f"{{{OMA}}}anonymous-request" and EFFECTS[handling_of(rule)] == BLOCK:
            continue  # whoever is nobody we know sees nothing anyhow
        if condition.tag != _policy("identity"):
            raise cannot_keep(f"the condition {local_name(condition)} is not kept; identity is")
        for one in condition:
            if one.tag != _policy("one") or len(one):
                raise cannot_keep("an identity is kept where it names one person")
            people.append(person_of(one.get("id") or ""))
    return people


def _check_transformations(rule: Element) -> None:
    around = rule.find(_policy("transformations"))
    for shown in around if around is not None else ():
        parts = [local_name(part) for part in shown]
        whole = all(part.startswith("all-") for part in parts) if parts else text_of(shown) in WHOLE
        if not whole:
            raise cannot_keep("what a watcher sees is a matter of access levels; all of it, or nothing")


def _check_sizes(found: Mapping[Identity, int]) -> None:
    blocked = sum(EFFECTS[word] == BLOCK for v in found.values() for word in HANDLING if HANDLING[word] == v)
    if blocked > MAX_BLOCKED or len(found) - blocked > MAX_CONTACTS:
        raise cannot_keep(f"no more than {MAX_BLOCKED} people can be blocked, or {MAX_CONTACTS} named otherwise")


# ---- making it true again


def reconcile(root: Element, now: Mapping[Identity, str]) -> bool:
    """Make a document that was written once say what is true now; whether it did not."""
    said = read(root)
    wrong = {who for who in {*said, *now} if said.get(who, CONFIRM) != now.get(who, CONFIRM)}
    for one in list(root.iter(_policy("one"))):
        if identity_of(one.get("id") or "") in wrong:
            _take_out(one)
    for who in sorted(wrong & set(now)):
        _append(root, who, now[who])
    return bool(wrong)


def _take_out(one: Element) -> None:
    """A rule that names nobody any more would be about everybody: it goes, too."""
    identity = one.getparent()
    assert identity is not None
    identity.remove(one)
    if not len(identity):
        rule = next(identity.iterancestors(_policy("rule")))
        around = rule.getparent()
        assert around is not None
        around.remove(rule)


def _append(root: Element, who: Identity, effect: str) -> None:
    fitting = [_only_identity(rule, effect) for rule in root.iterfind(_policy("rule"))]
    identity = next((identity for identity in fitting if identity is not None), None)
    if identity is None:
        ids = {rule.get("id") for rule in root.iterfind(_policy("rule"))}
        id = next(id for number in range(MAX_RULES + 1) if (id := f"{WORDS[effect]}{number or ''}") not in ids)
        rule = etree.SubElement(root, _policy("rule"), id=id)
        identity = etree.SubElement(etree.SubElement(rule, _policy("conditions")), _policy("identity"))
        actions = etree.SubElement(rule, _policy("actions"))
        etree.SubElement(actions, _rules("sub-handling")).text = SAID[effect]
        if effect == ALLOW:
            _show_all(etree.SubElement(rule, _policy("transformations")))
    etree.SubElement(identity, _policy("one"), id=str(sip_uri(who)))


def _show_all(transformations: Element) -> None:
    """What an allowed watcher gets (RFC 5025 section 3.3)."""
    for kind in ("device", "person", "service"):
        etree.SubElement(etree.SubElement(transformations, _rules(f"provide-{kind}s")), _rules(f"all-{kind}s"))
    etree.SubElement(transformations, _rules("provide-all-attributes"))


def _only_identity(rule: Element, effect: str) -> Element | None:
    conditions = rule.find(_policy("conditions"))
    if conditions is None or len(conditions) != 1 or EFFECTS[handling_of(rule)] != effect:
        return None
    return conditions.find(_policy("identity"))


class PresenceRules:
    """The usage; the documents of the Open Mobile Alliance are the same under another name."""

    content_type = CONTENT_TYPE
    namespace = POLICY

    def __init__(self, front_end: FrontEnd) -> None:
        self._contacts: ContactLists = front_end.contacts
        self._drawer = Drawer(front_end.store, "pres-rules")

    async def document(self, owner: Identity) -> bytes:
        """There is always one: what the contact list says."""
        kept = await self._drawer.read(owner)
        root = reread(kept or EMPTY)
        if not reconcile(root, await self._now(owner)) and kept:
            return kept
        if not kept:
            etree.indent(root)
        return written(root)

    async def write(self, owner: Identity, root: Element) -> None:
        """Whoever is allowed may see; whoever is named no more has to ask again."""
        wanted = read(root)
        if owner in wanted:
            raise cannot_keep("everybody sees themselves")
        await self._drawer.keep(owner, root)
        now = await self._now(owner)
        for who in sorted({*now, *wanted}):
            before, after = now.get(who, CONFIRM), wanted.get(who, CONFIRM)
            if before != after:
                await self._change(owner, who, before, after)

    async def remove(self, owner: Identity) -> None:
        """Not at once: one slip, and nobody would see the owner any more."""
        raise Fault("cannot-delete", "rules are taken back one by one")

    async def _change(self, owner: Identity, who: Identity, before: str, after: str) -> None:
        contacts = self._contacts
        if before == BLOCK:
            await contacts.unblock(owner, who)
        contact = await contacts.get(owner, who)
        allowed = contact is not None and (contact.seen or contact.approved)
        if after == BLOCK:
            await contacts.block(owner, who)
        elif after == ALLOW and not allowed:
            await contacts.grant(owner, who)
        elif after == CONFIRM and allowed:
            await contacts.revoke(owner, who)

    async def _now(self, owner: Identity) -> dict[Identity, str]:
        listed = await self._contacts.of(owner)
        allowed = {contact.address: ALLOW for contact in listed if contact.seen or contact.approved}
        return allowed | dict.fromkeys(await self._contacts.blocked(owner), BLOCK)
