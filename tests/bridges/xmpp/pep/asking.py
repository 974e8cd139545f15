"""Requests about nodes as tests write them, and clients that say what they want to hear of."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from .....bridges.xmpp.capabilities import Caps, verification
from .....bridges.xmpp.syntax.stanza import Stanza
from .....core.identity import Identity
from ..house import Client, House

PUBSUB = "http://jabber.org/protocol/pubsub"
OWNER, EVENT, ERRORS = f"{PUBSUB}#owner", f"{PUBSUB}#event", f"{PUBSUB}#errors"
DATA_FORM = "jabber:x:data"
INFO = "http://jabber.org/protocol/disco#info"
TUNE = "http://jabber.org/protocol/tune"
SONG = f"<tune xmlns='{TUNE}'><title>Song</title></tune>"


def pubsub(inner: str, ns: str = PUBSUB) -> str:
    return f"<pubsub xmlns='{ns}'>{inner}</pubsub>"


def form(kind: str, **fields: str) -> str:
    inner = f"<field var='FORM_TYPE' type='hidden'><value>{PUBSUB}#{kind}</value></field>"
    for name, value in fields.items():
        values = "".join(f"<value>{part}</value>" for part in value.split("|"))
        inner += f"<field var='pubsub#{name}'>{values}</field>"
    return f"<x xmlns='{DATA_FORM}' type='submit'>{inner}</x>"


def publishing(node: str, payload: str = SONG, id: str = "current", **options: str) -> str:
    more = f"<publish-options>{form('publish-options', **options)}</publish-options>" if options else ""
    attr = f" id='{id}'" if id else ""
    return pubsub(f"<publish node='{node}'><item{attr}>{payload}</item></publish>{more}")


async def publish(client: Client, node: str, payload: str = SONG, id: str = "current", **options: str) -> Element:
    answer = await client.ask(publishing(node, payload, id, **options), type="set")
    assert answer.get("type") == "result", Stanza.of(answer).raw
    return answer


async def items(client: Client, node: str, owner: str | None = None, **attrs: str) -> list[Element]:
    answer = await client.ask(asking_for(node, **attrs), to=owner)
    assert answer.get("type") == "result", Stanza.of(answer).raw
    return list(answer.iter(f"{{{PUBSUB}}}item"))


def asking_for(node: str, inner: str = "", **attrs: str) -> str:
    more = "".join(f" {name}='{value}'" for name, value in attrs.items())
    return pubsub(f"<items node='{node}'{more}>{inner}</items>")


def configuring(node: str, **fields: str) -> str:
    return pubsub(f"<configure node='{node}'>{form('node_config', **fields)}</configure>", OWNER)


def refusal(answer: Element) -> tuple[str, str, str]:
    """The error's type, its condition, and the condition of publish-subscribe's own."""
    error = answer.find("{jabber:client}error")
    assert error is not None, Stanza.of(answer).raw
    own = [kid.tag.rpartition("}")[2] for kid in error if kid.tag.startswith(f"{{{ERRORS}}}")]
    return error.get("type", ""), error[0].tag.rpartition("}")[2], own[0] if own else ""


def told(client: Client) -> list[tuple[str, str, Element]]:
    """The events that came: from whom, of which node, and what changed."""
    found = []
    for message in client.got("message"):
        event = message.find(f"{{{EVENT}}}event")
        if event is not None:
            change = event[0]
            found.append((message.get("from", ""), change.get("node", ""), change))
    return found


def features(*nodes: str) -> str:
    listed = "".join(f"<feature var='{node}+notify'/>" for node in nodes)
    return f"<identity category='client' type='pc' name='Test'/><feature var='{INFO}'/>{listed}"


def caps_of(inner: str) -> Caps:
    query = Stanza.read(f"<query xmlns='{INFO}'>{inner}</query>".encode()).tree
    return Caps("urn:test:client", verification(query, "sha-1") or "", "sha-1")


def with_caps(caps: Caps, more: str = "") -> str:
    c = f"<c xmlns='http://jabber.org/protocol/caps' node='{caps.node}' ver='{caps.ver}' hash='{caps.hash}'/>"
    return f"<presence>{more}{c}</presence>"


async def curious(house: House, person: Identity, *nodes: str, instance: str = "desk", more: str = "") -> Client:
    """A client that wants to hear of these nodes, and says so when it is asked."""
    inner = features(*nodes)
    client = await house.client(person, instance, presence="")
    await client.send(with_caps(caps_of(inner), more))
    await explains(client, inner)
    return client


async def explains(client: Client, inner: str) -> bool:
    """It answers what we ask about its capabilities, if we do; what else came stays."""
    came = client.got()
    client.wire.written[:] = [Stanza.of(element).raw for element in came if element.tag != "{jabber:client}iq"]
    questions = [e for e in came if e.tag == "{jabber:client}iq" and e.get("type") == "get"]
    for question in questions:
        query = question[0]
        answer = f"<query xmlns='{INFO}' node='{query.get('node')}'>{inner}</query>"
        await client.send(f"<iq type='result' id='{question.get('id')}' to='{question.get('from')}'>{answer}</iq>")
    return bool(questions)
