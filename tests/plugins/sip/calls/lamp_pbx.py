"""A scripted PBX that tells who telephones: it takes a SUBSCRIBE for the event dialog, and notifies."""

from __future__ import annotations

from .....plugins.sip.dialog import Dialog
from .....plugins.sip.syntax.headers import NameAddr
from .....plugins.sip.syntax.message import Request
from .....plugins.sip.transaction.reply import Reply
from .....plugins.sip.transport.flow import Flow
from .pbx import Pbx

NAMESPACE = "urn:ietf:params:xml:ns:dialog-info"


def document(version: int, *dialogs: tuple[str, str] | tuple[str, str, str], state: str = "full") -> bytes:
    """A document; a dialog is an id, a state and perhaps a Call-ID."""
    inside = ""
    for id, word, *call_id in dialogs:
        name = f' call-id="{call_id[0]}" local-tag="l" remote-tag="r"' if call_id else ""
        inside += f'<dialog id="{id}"{name} direction="recipient"><state>{word}</state></dialog>'
    head = f'<dialog-info xmlns="{NAMESPACE}" version="{version}" state="{state}" entity="sip:4711@pbx.test">'
    return f'<?xml version="1.0"?>{head}{inside}</dialog-info>'.encode()


class LampPbx(Pbx):
    """``statuses`` are answers to the next SUBSCRIBEs; without any they are taken with ``taken_with``."""

    def __init__(self, *args: str, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.statuses: list[tuple[int, list[tuple[str, object]]]] = []
        self.taken_with = 200
        self.lasts = 0
        self.notifies = True
        self.now = document(0)
        """What a SUBSCRIBE brings."""
        self.dialogs: dict[str, tuple[Dialog, Flow]] = {}
        """By Call-ID, all that were ever begun."""
        self.ended: list[str] = []
        self.said: list[object] = []

    @property
    def latest(self) -> str:
        return next(reversed(self.dialogs))

    async def notify(
        self,
        body: bytes,
        state: str = "active;expires=600",
        *,
        call_id: str = "",
        flow: Flow | None = None,
        **more: str,
    ):
        """The answer to a NOTIFY in a subscription, the latest one unless told otherwise."""
        dialog, usual = self.dialogs[call_id or self.latest]
        headers = [
            ("Event", more.get("event", "dialog")),
            ("Subscription-State", state),
            ("Content-Type", more.get("kind", "application/dialog-info+xml")),
        ]
        return await self.server.request(dialog.request("NOTIFY", headers, body), flow or usual)

    def _receive(self, request: Request, reply: Reply, flow: Flow) -> None:
        if request.method != "SUBSCRIBE" or self.silent or (self.username and not self._proven(request)):
            return super()._receive(request, reply, flow)
        self.username, kept = "", self.username  # it has proven itself: what is left is noted by the PBX below
        super()._receive(request, Unanswered(), flow)
        self.username = kept
        if self.statuses:
            status, headers = self.statuses.pop(0)
            return reply(request.reply(status, headers=headers))
        if request.to.tag and request.call_id not in self.dialogs:
            return reply(request.reply(481))
        contact = NameAddr.parse(f"<{self.uri}>")
        lasts = min(request.expires or 0, self.lasts or 3600)
        response = request.reply(self.taken_with, headers=[("Contact", contact), ("Expires", lasts)])
        reply(response)
        if request.to.tag:
            self.dialogs[request.call_id][0].hears(request)
        else:
            self.dialogs[request.call_id] = (Dialog.answered(request, response, contact), flow)
        dialog, _ = self.dialogs[request.call_id]
        self.dialogs[request.call_id] = (dialog, flow)
        if not request.expires:
            self.ended.append(request.call_id)
        elif self.notifies:
            head = [
                ("Event", "dialog"),
                ("Subscription-State", f"active;expires={lasts}"),
                ("Content-Type", "application/dialog-info+xml"),
            ]
            self.server.request(dialog.request("NOTIFY", head, self.now), flow)


class Unanswered(Reply):
    """Where an answer is given by somebody else."""

    def __init__(self) -> None:
        """There is nothing to answer."""

    def __call__(self, response: object) -> None:
        """Nothing."""
