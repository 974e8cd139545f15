"""slixmpp clients in the test's own process: what they see is kept in lists."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from slixmpp import JID, ClientXMPP

from .program import until

PLUGINS = ("xep_0030", "xep_0045", "xep_0085", "xep_0184", "xep_0199", "xep_0203", "xep_0249", "xep_0280")
CHAT_STATES = ("active", "composing", "paused")


class Slix(ClientXMPP):  # type: ignore[misc]
    """A person at a slixmpp client."""

    def __init__(self, jid: str, password: str, ca: str) -> None:
        super().__init__(jid, password)
        self.ssl_context = ssl.create_default_context(cafile=ca)
        self.enable_direct_tls = False
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self.said: list[tuple[str, str]] = []
        self.rooms_said: list[tuple[str, str]] = []
        self.shows: dict[str, dict[str, str]] = {}
        self.states: list[str] = []
        self.invitations: list[str] = []
        self.errors: list[str] = []
        self.refused: list[Any] = []
        self.carbons: list[str] = []
        self.stamps: dict[str, Any] = {}
        self.started = asyncio.Event()
        for event, heard in (
            ("session_start", self._start), ("message", self._message), ("presence", self._presence),
            ("groupchat_message", self._groupchat), ("groupchat_invite", self._invited),
            ("message_error", lambda m: self.errors.append(m["error"]["condition"])),
            ("failed_auth", self.refused.append), ("carbon_received", self._carbon), ("carbon_sent", self._carbon),
            ("groupchat_direct_invite", lambda m: self.invitations.append(str(m["groupchat_invite"]["jid"]))),
            *((f"chatstate_{state}", lambda m, s=state: self.states.append(s)) for state in CHAT_STATES),
        ):  # fmt: skip
            self.add_event_handler(event, heard)

    async def sign_in(self, port: int) -> Slix:
        self.connect("127.0.0.1", port)
        await asyncio.wait_for(self.started.wait(), 40)
        return self

    async def _start(self, _: Any) -> None:
        self.roster_answer = await self.get_roster()
        self.send_presence()
        self.started.set()

    def _message(self, message: Any) -> None:
        if message["type"] in ("chat", "normal") and message["body"]:
            self.said.append((str(message["from"].bare), message["body"]))
            if message.get_plugin("delay", check=True) is not None:
                self.stamps[message["body"]] = message["delay"]["stamp"]

    def _groupchat(self, message: Any) -> None:
        if message["body"]:
            self.rooms_said.append((message["from"].resource, message["body"]))

    def _carbon(self, wrapper: Any) -> None:
        forwarded = wrapper["carbon_received" if wrapper.get_plugin("carbon_received", check=True) else "carbon_sent"]
        self.carbons.append(forwarded["body"])

    def _invited(self, message: Any) -> None:
        self.invitations.append(str(message["from"].bare))

    def _presence(self, presence: Any) -> None:
        kind = presence["type"]
        places = self.shows.setdefault(presence["from"].bare, {})
        places[presence["from"].resource] = "available" if kind == "available" else kind

    def sees(self, person: str) -> set[str]:
        """The kinds of presence of a person's places: available, away, dnd, unavailable."""
        return set(self.shows.get(person, {}).values())

    async def hears(self, sender: str, text: str) -> None:
        await until(lambda: (sender, text) in self.said, f"{self.boundjid} to hear {sender}: {text}; heard {self.said}")

    async def room_hears(self, nick: str, text: str) -> None:
        await until(
            lambda: (nick, text) in self.rooms_said, f"{self.boundjid} to hear {nick}: {text}; heard {self.rooms_said}"
        )

    async def join(self, room: str, nick: str) -> None:
        rooms = self.plugin["xep_0045"]
        own, _, _, history = await rooms.join_muc_wait(JID(room), nick, timeout=40)
        if 201 in own["muc"]["status_codes"]:  # it is new, and waits for its owner's wishes: there are none
            await rooms.set_room_config(JID(room), self.plugin["xep_0004"].make_form(ftype="submit"))
        self.rooms_said[:0] = [(message["from"].resource, message["body"]) for message in history]

    async def leave(self) -> None:
        self.disconnect()
        try:
            await asyncio.wait_for(self.disconnected, 10)
        except TimeoutError:
            self.abort()
