"""Linphone without a window: Debian's liblinphone, driven by lines on standard input.  Run as a program.

Commands: presence WORD [NOTE], friend URI…, msg URI TEXT, compose URI, read URI, call URI, accept, terminate, pause,
resume, transfer URI, join-calls, register, unregister, quit.  Of rooms (``--rooms`` is the factory): group SUBJECT
URI…, and of the room created last gsay TEXT, gcompose, gadd URI, gremove URI, gadmin URI, gsubject TEXT, gleave, gwho.
"""

from __future__ import annotations

import argparse
import ctypes as c
import json
import os
import select
import sys
import time
from collections.abc import Callable
from typing import Any

PTR, STR, INT, BYTE, UINT = c.c_void_p, c.c_char_p, c.c_int, c.c_ubyte, c.c_uint
REGISTRATION = ("none", "progress", "ok", "cleared", "failed")
CONSOLIDATED = ("online", "busy", "do-not-disturb", "offline")
CALL = (
    "idle", "incoming", "pushed", "calling", "progress", "ringing", "early", "connected", "running", "pausing",
    "paused", "resuming", "referred", "error", "end", "paused by them", "updated by them", "incoming early", "updating",
    "released", "early updated by them", "early updating",
)  # fmt: skip
MESSAGE = ("idle", "in-progress", "delivered", "not-delivered", "ft-error", "ft-done", "delivered-to-user", "displayed")
ROOM = ("none", "instantiated", "creation-pending", "created", "creation-failed", "termination-pending", "terminated",
        "termination-failed", "deleted")  # fmt: skip
ACTIVITY = (
    "appointment", "away", "breakfast", "busy", "dinner", "holiday", "in-transit", "looking-for-work", "lunch", "meal",
    "meeting", "on-the-phone", "other", "performance", "permanent-absence", "playing", "presentation", "shopping",
    "sleeping", "spectator", "steering", "travel", "tv", "unknown", "vacation", "working", "worship",
)  # fmt: skip


def emit(event: str, **facts: Any) -> None:
    sys.stdout.write(json.dumps({"ev": event, **facts}) + "\n")
    sys.stdout.flush()


class Linphone:
    """One core with one account.  Calls the C library by name; callbacks become events."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.lib, self.box = c.CDLL("liblinphone.so.10"), c.CDLL("libbctoolbox.so.1")
        self.given, self.keep, self.messages, self.rooms, self.calls = given, [], [], {}, []
        self.group: Any = None
        self.identity = f"sip:{given.user}@{given.domain}"
        self.ask("core_set_log_level_mask", None, None, UINT(0))
        self.factory = self.ask("factory_get", PTR)
        settings = self._settings()
        self.core = self.ask("factory_create_core_3", PTR, self.factory, settings, None, None)
        self._listen()
        self._transport()
        if self.ask("core_start", INT, self.core) != 0:
            sys.exit("liblinphone did not start")
        self._account()
        self.friends = self.ask("core_get_default_friend_list", PTR, self.core)
        if given.list:
            self.ask("friend_list_set_rls_uri", None, self.friends, given.list.encode())
            self.ask("friend_list_set_subscription_bodyless", None, self.friends, BYTE(given.bodyless == "yes"))
        self.ask("friend_list_enable_subscriptions", None, self.friends, BYTE(1))
        self.ask("core_enable_friend_list_subscription", None, self.core, BYTE(1))

    def ask(self, name: str, result: Any = None, *arguments: Any) -> Any:
        """Call linphone_NAME; plain pointers and bytes need no conversion."""
        function = getattr(self.lib, f"linphone_{name}")
        function.restype = result
        return function(*[PTR(a) if isinstance(a, int) else a for a in arguments])

    def _settings(self) -> bytes:
        path = os.path.join(self.given.home, "rc")
        sections = {
            "sip": {
                "guess_hostname": "0", "contact": f"sip:{self.given.user}@127.0.0.1", "verify_server_cn": "0",
                "sip_random_port": "0", "publish_presence": "1", "keepalive_period": "30000", "use_info": "0",
                "verify_server_certs": "1",
            },
            "net": {"mtu": "1300", "firewall_policy": "0"},
            "rtp": {"audio_rtp_port": "-1"},
        }  # fmt: skip
        with open(path, "w") as file:
            for section, keys in sections.items():
                file.write(f"[{section}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()))
        return path.encode()

    def _listen(self) -> None:
        callbacks = self.ask("factory_create_core_cbs", PTR, self.factory)

        def on(name: str, types: tuple[Any, ...], heard: Callable[..., None]) -> None:
            callback = c.CFUNCTYPE(None, *types)(heard)
            self.keep.append(callback)
            setter = getattr(self.lib, f"linphone_core_cbs_set_{name}")
            setter.restype, setter.argtypes = None, [PTR, type(callback)]
            setter(callbacks, callback)

        on("account_registration_state_changed", (PTR, PTR, INT, STR), self._registered)
        on("notify_presence_received", (PTR, PTR), self._presence)
        on("notify_presence_received_for_uri_or_tel", (PTR, PTR, STR, PTR), self._presence_at)
        on("message_received", (PTR, PTR, PTR), self._message)
        on("is_composing_received", (PTR, PTR), self._composing)
        on("chat_room_state_changed", (PTR, PTR, INT), self._room_changed)
        on("call_state_changed", (PTR, PTR, INT, STR), self._call_changed)
        self.ask("core_add_callbacks", None, self.core, callbacks)

    def _transport(self) -> None:
        transports = self.ask("factory_create_transports", PTR, self.factory)
        for name in ("udp", "tcp", "tls"):
            port = INT(-1 if name == self.given.transport else 0)
            self.ask(f"transports_set_{name}_port", None, transports, port)
        self.ask("core_set_transports", INT, self.core, transports)
        if self.given.ca:
            self.ask("core_set_root_ca", None, self.core, self.given.ca.encode())
        self.ask("core_set_user_agent", None, self.core, b"Linphone-driver", b"5.1")
        self.ask("core_enable_ipv6", None, self.core, BYTE(0))
        self.ask("core_set_use_files", None, self.core, BYTE(1))

    def _account(self) -> None:
        user, password, domain = self.given.user.encode(), self.given.password.encode(), self.given.domain.encode()
        secret = self.ask(
            "factory_create_auth_info_2", PTR, self.factory, user, None, password, None, None, domain, None
        )
        self.ask("core_add_auth_info", None, self.core, secret)
        account = self.ask("core_create_account_params", PTR, self.core)
        server = self._address(self.given.server)
        self.ask("account_params_set_identity_address", INT, account, self._address(self.identity))
        self.ask("account_params_set_server_address", INT, account, server)
        self.ask("account_params_set_routes_addresses", INT, account, self._list(self.given.server))
        for what in ("register", "publish"):
            self.ask(f"account_params_enable_{what}", None, account, BYTE(1))
        self.ask("account_params_set_expires", None, account, INT(600))
        self.ask("account_params_set_publish_expires", None, account, INT(600))
        if self.given.rooms:
            self.ask("account_params_set_conference_factory_uri", None, account, self.given.rooms.encode())
        self.account = self.ask("core_create_account", PTR, self.core, account)
        self.ask("core_add_account", INT, self.core, self.account)
        self.ask("core_set_default_account", None, self.core, self.account)

    def _address(self, uri: str) -> Any:
        return self.ask("factory_create_address", PTR, self.factory, uri.encode())

    def _list(self, uri: str) -> Any:
        self.box.bctbx_list_append.restype = PTR
        return self.box.bctbx_list_append(None, PTR(self._address(uri)))

    def _uri(self, address: Any) -> str:
        text = self.ask("address_as_string_uri_only", PTR, address)
        return c.string_at(text).decode() if text else ""

    # ---- what happens

    def _registered(self, _core: Any, _account: Any, state: int, reason: bytes | None) -> None:
        emit("register", state=REGISTRATION[state], reason=(reason or b"").decode())

    def _presence(self, _core: Any, friend: Any) -> None:
        self._seen(friend, self._uri(self.ask("friend_get_address", PTR, friend)), None)

    def _presence_at(self, _core: Any, friend: Any, uri: bytes | None, model: Any) -> None:
        """Of one of a friend's addresses: how it tells what came for a list."""
        self._seen(friend, (uri or b"").decode(), model)

    def _seen(self, friend: Any, uri: str, model: Any) -> None:
        facts = {"uri": uri, "status": CONSOLIDATED[self.ask("friend_get_consolidated_presence", INT, friend)]}
        model = model or self.ask("friend_get_presence_model", PTR, friend)
        if model:
            facts["basic"] = ("open", "closed")[self.ask("presence_model_get_basic_status", INT, model)]
            activity = self.ask("presence_model_get_activity", PTR, model)
            facts["activity"] = ACTIVITY[self.ask("presence_activity_get_type", INT, activity)] if activity else ""
            note = self.ask("presence_model_get_note", PTR, model, None)
            facts["note"] = (self.ask("presence_note_get_content", STR, note) or b"").decode() if note else ""
        emit("presence", **facts)

    def _message(self, _core: Any, room: Any, message: Any) -> None:
        text = self.ask("chat_message_get_utf8_text", STR, message) or b""
        sender = self._uri(self.ask("chat_message_get_from_address", PTR, message))
        peer = self._uri(self.ask("chat_room_get_peer_address", PTR, room))
        self.rooms[peer] = room
        emit("message", sender=sender, text=text.decode(), room=peer)

    def _room_changed(self, _core: Any, room: Any, state: int) -> None:
        """A room for many, once it has an address; the last one is what the group commands are about."""
        if ROOM[state] in ("none", "instantiated", "creation-pending", "creation-failed"):
            emit("room", state=ROOM[state])
            return
        subject = (self.ask("chat_room_get_subject", STR, room) or b"").decode()
        peer = self._uri(self.ask("chat_room_get_peer_address", PTR, room))
        if ROOM[state] == "created":
            self.rooms[peer] = self.group = room
        emit("room", state=ROOM[state], room=peer, subject=subject)

    def _composing(self, _core: Any, room: Any) -> None:
        peer = self._uri(self.ask("chat_room_get_peer_address", PTR, room))
        emit("composing", peer=peer, active=bool(self.ask("chat_room_is_remote_composing", BYTE, room)))

    def _call_changed(self, _core: Any, call: Any, state: int, text: bytes) -> None:
        if CALL[state] in ("incoming", "calling"):
            self.ask("call_ref", PTR, call)
            self.calls.append(call)
        elif CALL[state] == "released" and call in self.calls:
            self.calls.remove(call)
        emit("call", state=CALL[state], text=(text or b"").decode(errors="replace"))

    # ---- what is asked

    def do(self, line: str) -> None:
        command, *words = line.split(" ")
        match command:
            case "presence":
                self._publish(words[0], " ".join(words[1:]))
            case "friend":
                self._befriend(words)
            case "msg":
                message = self.ask(
                    "chat_room_create_message_from_utf8", PTR, self._room(words[0]), " ".join(words[1:]).encode()
                )
                self.ask("chat_message_send", None, message)
                self.messages.append([message, -1])
            case "compose":
                self.ask("chat_room_compose", None, self._room(words[0]))
            case "group" | "gsay" | "gadd" | "gremove" | "gadmin" | "gsubject" | "gleave" | "gcompose" | "gwho":
                self._group(command, words)
            case "read":
                self.ask("chat_room_mark_as_read", None, self._room(words[0]))
            case "call":
                self.ask("core_invite", PTR, self.core, words[0].encode())
            case "accept" | "terminate" | "pause" | "resume":
                self.ask(f"call_{command}", INT, self.calls[-1])
            case "transfer":
                self.ask("call_transfer", INT, self.calls[-1], words[0].encode())
            case "join-calls":
                self.ask("call_transfer_to_another", INT, self.calls[0], self.calls[1])
            case "register":
                self.ask("core_refresh_registers", None, self.core)
            case "unregister":
                self.ask("core_clear_accounts", None, self.core)
            case _:
                emit("error", line=line)

    def _group(self, command: str, words: list[str]) -> None:
        """Rooms for many; all but ``group SUBJECT URI…`` are about the room that was created last."""
        if command == "group":
            params = self.ask("core_create_default_chat_room_params", PTR, self.core)
            self.ask("chat_room_params_set_backend", None, params, INT(2))
            self.ask("chat_room_params_enable_group", None, params, BYTE(1))
            self.ask("chat_room_params_set_subject", None, params, words[0].encode())
            self.box.bctbx_list_append.restype = PTR
            people = None
            for uri in words[1:]:
                people = self.box.bctbx_list_append(PTR(people), PTR(self._address(uri)))
            self.ask("core_create_chat_room_6", PTR, self.core, params, None, people)
            return
        room, rest = self.group, " ".join(words)
        match command:
            case "gsay":
                message = self.ask("chat_room_create_message_from_utf8", PTR, room, rest.encode())
                self.ask("chat_message_send", None, message)
                self.messages.append([message, -1])
            case "gcompose":
                self.ask("chat_room_compose", None, room)
            case "gadd":
                self.ask("chat_room_add_participant", BYTE, room, self._address(words[0]))
            case "gremove" | "gadmin":
                person = self.ask("chat_room_find_participant", PTR, room, self._address(words[0]))
                if command == "gremove":
                    self.ask("chat_room_remove_participant", None, room, person)
                else:
                    self.ask("chat_room_set_participant_admin_status", None, room, person, BYTE(1))
            case "gsubject":
                self.ask("chat_room_set_subject", None, room, rest.encode())
            case "gleave":
                self.ask("chat_room_leave", None, room)
            case "gwho":
                self._who(room)

    def _who(self, room: Any) -> None:
        """Who is in the room beside ourselves, as the client sees it."""
        self.box.bctbx_list_get_data.restype = self.box.bctbx_list_next.restype = PTR
        found, entry = {}, self.ask("chat_room_get_participants", PTR, room)
        while entry:
            person = self.box.bctbx_list_get_data(PTR(entry))
            address = self._uri(self.ask("participant_get_address", PTR, person))
            found[address] = bool(self.ask("participant_is_admin", BYTE, person))
            entry = self.box.bctbx_list_next(PTR(entry))
        subject = (self.ask("chat_room_get_subject", STR, room) or b"").decode()
        me = self.ask("chat_room_get_me", PTR, room)
        emit("who", people=found, subject=subject, admin=bool(self.ask("participant_is_admin", BYTE, me)))

    def _publish(self, word: str, note: str) -> None:
        if word in ("online", "offline"):
            model = self.ask("core_create_presence_model", PTR, self.core)
        else:
            model = self.ask(
                "core_create_presence_model_with_activity", PTR, self.core, INT(ACTIVITY.index(word)), None
            )
        self.ask("presence_model_set_basic_status", INT, model, INT(1 if word == "offline" else 0))
        if note:
            self.ask("presence_model_add_note", INT, model, note.encode(), None)
        self.ask("core_set_presence_model", None, self.core, model)

    def _befriend(self, uris: list[str]) -> None:
        for uri in uris:
            friend = self.ask("core_create_friend_with_address", PTR, self.core, uri.encode())
            self.ask("friend_enable_subscribes", INT, friend, BYTE(1))
            self.ask("friend_set_inc_subscribe_policy", INT, friend, INT(2))
            self.ask("friend_list_add_friend", INT, self.friends, friend)
        self.ask("friend_list_update_subscriptions", None, self.friends)

    def _room(self, uri: str) -> Any:
        if uri not in self.rooms:
            params = self.ask("core_create_default_chat_room_params", PTR, self.core)
            self.ask("chat_room_params_set_backend", None, params, INT(1))
            self.rooms[uri] = self.ask(
                "core_create_chat_room_6", PTR, self.core, params, self._address(self.identity), self._list(uri)
            )
        return self.rooms[uri]

    # ---- the loop

    def run(self) -> None:
        os.set_blocking(0, False)
        buffer = ""
        while True:
            self.ask("core_iterate", None, self.core)
            for entry in self.messages:
                state = self.ask("chat_message_get_state", INT, entry[0])
                if state != entry[1]:
                    entry[1] = state
                    text = (self.ask("chat_message_get_utf8_text", STR, entry[0]) or b"").decode()
                    emit("message-state", state=MESSAGE[state] if state < len(MESSAGE) else str(state), text=text)
            if select.select([0], [], [], 0.02)[0]:
                received = os.read(0, 65536)
                buffer += received.decode()
                *lines, buffer = buffer.split("\n")
                if not received or "quit" in lines:
                    break
                for line in filter(None, lines):
                    self.do(line)
        self.ask("core_stop", None, self.core)
        for _ in range(50):
            self.ask("core_iterate", None, self.core)
            time.sleep(0.02)
        os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    # list: the address of a server for lists of friends; bodyless: the list is there and not in the request
    for name in ("home", "user", "password", "domain", "server", "transport", "ca", "list", "bodyless", "rooms"):
        parser.add_argument(f"--{name}", default="")
    given = parser.parse_args()
    for folder in (".local/share/linphone", ".config/linphone", ".cache"):
        os.makedirs(os.path.join(given.home, folder), exist_ok=True)
    os.environ.update(
        HOME=given.home,
        XDG_DATA_HOME=f"{given.home}/.local/share",
        XDG_CONFIG_HOME=f"{given.home}/.config",
        XDG_CACHE_HOME=f"{given.home}/.cache",
    )
    Linphone(given).run()


if __name__ == "__main__":
    main()
