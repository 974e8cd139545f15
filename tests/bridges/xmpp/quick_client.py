"""A client that signs in by SASL2, and wishes for things together with that."""

from __future__ import annotations

import base64
import hmac
import re

from ....core.identity import Identity
from .scram_client import ScramClient
from .socket_client import SocketClient, header

SASL2 = "urn:xmpp:sasl:2"
PHONE = "d4565fa7-4d72-4749-b3d3-740edbf87770"
LAPTOP = "0f9c1c8e-1f2b-4a3c-9d4e-5f60718293a4"
HT = "HT-SHA-256-NONE"
FAST = "<fast xmlns='urn:xmpp:fast:0'/>"
WANTS_TOKEN = f"<request-token xmlns='urn:xmpp:fast:0' mechanism='{HT}'/>"


def agent(id: str = PHONE, software: str = "Test & Co") -> str:
    return f"<user-agent id='{id}'><software>{software.replace('&', '&amp;')}</software></user-agent>"


def bind(inner: str = "", tag: str = "test") -> str:
    return f"<bind xmlns='urn:xmpp:bind:0'>{f'<tag>{tag}</tag>' if tag else ''}{inner}</bind>"


def authenticate(mechanism: str, initial: bytes | None, more: str = "") -> str:
    response = f"<initial-response>{encoded(initial)}</initial-response>" if initial is not None else ""
    return f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'>{response}{more}</authenticate>"


def response(content: bytes) -> str:
    return f"<response xmlns='{SASL2}'>{encoded(content)}</response>"


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def plain(who: Identity, password: str) -> bytes:
    return f"\0{who.user}\0{password}".encode()


def shown(who: Identity, token: str) -> bytes:
    """What shows that one has the token."""
    return who.user.encode() + b"\0" + hmac.digest(token.encode(), b"Initiator", "sha256")


def token_of(told: str) -> str:
    """The token that came with a success."""
    found = re.search(
        r"<token xmlns='urn:xmpp:fast:0' token='([^']+)' expiry='\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ'/>", told
    )
    return found[1] if found else ""


def address_of(told: str) -> str:
    found = re.search(r"<authorization-identifier>([^<]+)</authorization-identifier>", told)
    return found[1] if found else ""


def failed_with(said: str) -> str:
    """The condition of a failure, whichever way SASL was carried."""
    found = re.search(r"<failure xmlns='[^']+'><([a-z-]+)(?: xmlns='[^']+')?/>", said)
    return found[1] if found else ""


async def opened(ports: dict[str, int], sender: str = "") -> SocketClient:
    """A stream behind TLS that has been offered everything."""
    client = await SocketClient.connect(ports["tls"], tls=True)
    client.say(header().replace(b" to=", f" from='{sender}' to=".encode()) if sender else header())
    await client.until("</stream:features>")
    return client


async def quick(ports: dict[str, int], who: Identity, password: str, more: str = "") -> tuple[SocketClient, str]:
    """Signed in by PLAIN, and what came with the success."""
    client = await opened(ports)
    client.say(authenticate("PLAIN", plain(who, password), more))
    return client, await client.until("</stream:features>")


async def by_token(ports: dict[str, int], who: Identity, token: str, more: str = "") -> tuple[SocketClient, str]:
    """Signed in by a token; or what came with the failure."""
    client = await opened(ports, str(who))
    client.say(authenticate(HT, shown(who, token), agent() + more + ("" if "fast:0'" in more else FAST)))
    said = ""
    while "</stream:features>" not in said and "</failure>" not in said:
        said += await client.until(b">")
    return client, said


async def by_scram(
    ports: dict[str, int], who: Identity, password: str, more: str = ""
) -> tuple[SocketClient, str, str]:
    """Signed in by SCRAM; the server's first message, and what came with the success."""
    client, scram = await opened(ports), ScramClient(password, name=who.user)
    client.say(authenticate("SCRAM-SHA-256", scram.first(), more))
    challenge = (await client.until("</challenge>")).rpartition("</")[0].rpartition(">")[2]
    first = base64.b64decode(challenge)
    client.say(response(scram.final(first)))
    return client, first.decode(), await client.until("</stream:features>")
