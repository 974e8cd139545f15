"""Ad-hoc commands as clients ask for them (XEP-0050): the list, and each command from form to form."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element

from ....core.errors import BadRequest
from ..disco import info, node_items, node_of
from ..errors import StanzaError, item_not_found
from ..forms import FORM, JIDS, Answers, BadForm, filled, form
from ..queries import Place, Query
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza
from .command import Command, Commands, Outcome
from .executions import Execution, Executions

log = logging.getLogger(__name__)

COMMAND = f"{{{xml.COMMANDS}}}command"
ACTIONS = frozenset({"execute", "prev", "next", "complete", "cancel"})
LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
"""A language tag as RFC 5646 section 2.1 has them, roughly."""
MAX_LANGUAGE = 64
"""Characters of a language tag."""
OURS = "en"
"""The language of our forms."""


class CommandService:
    """Answers for the server.  ``clock`` counts seconds."""

    def __init__(self, commands: Commands, clock: Callable[[], float]) -> None:
        self._commands = commands
        self._clock = clock
        self._executions = Executions()

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("set", COMMAND, Place.SERVER, self.take, xml.COMMANDS)
        # The server answers for accounts (RFC 6120 section 10.3.3), and some clients turn to their own.
        yield Query("set", COMMAND, Place.ACCOUNT, self.take)

    # ---- discovery (sections 2.1 and 2.2)

    async def info(self, resource: Resource, iq: Stanza) -> bytes | None:
        """What a node is; None where it is nothing of ours."""
        node = node_of(iq)
        if node == xml.COMMANDS:
            return info(iq, [("automation", "command-list", "Commands")], [xml.DISCO_INFO, xml.DISCO_ITEMS])
        command = self._commands.at(node)
        if command is None:
            return None
        _permit(command, resource)
        return info(iq, [("automation", "command-node", command.name)], [xml.COMMANDS, xml.DATA_FORM])

    async def items(self, resource: Resource, iq: Stanza) -> bytes | None:
        """The commands the asker may have done; None where the node is nothing of ours."""
        node = node_of(iq)
        if node == xml.COMMANDS:
            assert iq.to is not None
            domain = iq.to.domain
            return node_items(iq, [(domain, one.node, one.name) for one in self._commands.of(resource.identity)])
        return node_items(iq, []) if self._commands.at(node) is not None else None

    # ---- execution (section 2.4)

    async def take(self, resource: Resource, iq: Stanza) -> bytes:
        """One step of a command.  Raises StanzaError, and what the command raises."""
        asked = iq.tree[0]
        node, action = asked.get("node", ""), asked.get("action", "execute")
        if action not in ACTIONS:
            raise _refused("malformed-action", "no such action")
        _check_language(asked.get(f"{{{xml.XML}}}lang") or iq.attrs.get("xml:lang", ""))
        command = self._commands.at(node)
        if command is None:
            raise item_not_found()
        _permit(command, resource)
        id = asked.get("sessionid")
        if id is None:
            if action != "execute":
                raise _refused("bad-action", "a command begins with execute")
            return await self._begin(resource, command)
        execution = self._execution(resource, command, id)
        match action:
            case "cancel":
                self._executions.end(execution)
                return _told(execution, "canceled")
            case "prev":
                return await self._back(execution)
        default = "complete" if execution.is_last else "next"
        if action not in ("execute", default):
            raise _refused("bad-action", f"what can be done now is {default}")
        return await self._forward(resource, execution, asked.find(FORM))

    def _execution(self, resource: Resource, command: Command, id: str) -> Execution:
        client = resource.session.jid
        execution = self._executions.find(id, client, self._clock())
        if execution is None and self._executions.has_ended(id, client):
            inner = xml.element("session-expired", {"xmlns": xml.COMMANDS})
            raise StanzaError("cancel", "not-allowed", "this command is over", inner=inner)
        if execution is None or execution.command is not command:
            raise _refused("bad-sessionid", "no such session of this command")
        return execution

    async def _begin(self, resource: Resource, command: Command) -> bytes:
        execution = self._executions.begin(command, resource.session.jid, self._clock())
        try:
            if not command.stages:
                return await self._done(resource, execution, Answers())
            return await self._asked(execution)
        except BaseException:
            self._executions.end(execution)
            raise

    async def _back(self, execution: Execution) -> bytes:
        if not execution.answers:
            raise _refused("bad-action", "there is nothing before")
        execution.answers.pop()
        return await self._asked(execution)

    async def _forward(self, resource: Resource, execution: Execution, given: Element | None) -> bytes:
        """What goes wrong here can be mended: the execution goes on."""
        assert execution.stage is not None
        try:
            answers = filled(given, execution.stage.fields, form_type=execution.command.form_type)
            if execution.is_last:
                return await self._done(resource, execution, execution.all_answers(answers))
            execution.answers.append(answers)
            try:
                return await self._asked(execution)
            except BaseException:
                execution.answers.pop()
                raise
        except (BadForm, BadRequest) as why:
            raise _refused("bad-payload", str(why)) from None

    async def _asked(self, execution: Execution) -> bytes:
        command, number = execution.command, len(execution.answers)
        stage = execution.stage = await command.stages[number](execution.all_answers())
        way = "complete" if execution.is_last else "next"
        actions = (xml.element("prev") if number else b"") + xml.element(way)
        written = form(stage.fields, form_type=command.form_type, title=stage.title, instructions=stage.instructions)
        return _told(execution, "executing", xml.element("actions", {"execute": way}, actions) + written)

    async def _done(self, resource: Resource, execution: Execution, answers: Answers) -> bytes:
        command, who = execution.command, resource.identity
        outcome = await command.do(who, answers)
        log.info("%s had this done: %s%s", who, command.name, _about(execution, answers))
        self._executions.end(execution)
        return _told(execution, "completed", _reported(outcome))


def _about(execution: Execution, answers: Answers) -> str:
    """Whom it was done to, for the log: addresses alone, never what else a form held."""
    fields = execution.stage.fields if execution.stage is not None else ()
    addresses = [value for field in fields if field.type in JIDS for value in answers[field.var]]
    return f" ({', '.join(addresses)})" if addresses else ""


def _reported(outcome: Outcome) -> bytes:
    note = xml.element("note", {"type": "info"}, xml.text(outcome.note)) if outcome.note else b""
    return note + outcome.report


def _told(execution: Execution, status: str, inner: bytes = b"") -> bytes:
    attrs = {"xmlns": xml.COMMANDS, "node": execution.command.node, "sessionid": execution.id, "status": status}
    return xml.element("command", {**attrs, "xml:lang": OURS}, inner)


def _permit(command: Command, resource: Resource) -> None:
    if not command.may(resource.identity):
        raise StanzaError("cancel", "forbidden")


def _check_language(tag: str) -> None:
    """Any language will do, though we answer in ours; what is no tag will not."""
    if tag and (len(tag) > MAX_LANGUAGE or LANGUAGE.fullmatch(tag) is None):
        raise _refused("bad-locale", "that is no language tag")


def _refused(condition: str, text: str) -> StanzaError:
    """Section 4.4: what is wrong, in words of this protocol's own."""
    return StanzaError("modify", "bad-request", text, inner=xml.element(condition, {"xmlns": xml.COMMANDS}))
