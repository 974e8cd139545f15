"""Pidgin without a window: Debian's libpurple with XMPP or SIMPLE (SIP), driven by lines on standard input.

Run as a program.  Commands: presence available|away|dnd|offline, friend ADDRESS, icon FILE, msg ADDRESS TEXT,
quit.
"""

from __future__ import annotations

import argparse
import ctypes as c
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PTR, STR, INT, UINT = c.c_void_p, c.c_char_p, c.c_int, c.c_uint
G_IO_IN, G_IO_OUT, G_IO_ERR, G_IO_HUP, G_IO_NVAL = 1, 4, 8, 16, 32
HOST = "127.0.0.1"
READ, WRITE = 1, 2
"""PurpleInputCondition."""


def emit(event: str, **facts: Any) -> None:
    sys.stdout.write(json.dumps({"ev": event, **facts}) + "\n")
    sys.stdout.flush()


class EventLoop(c.Structure):
    """PurpleEventLoopUiOps: what libpurple asks of its host's main loop."""

    _fields_ = (
        ("timeout_add", PTR), ("timeout_remove", PTR), ("input_add", PTR), ("input_remove", PTR),
        ("input_get_error", PTR), ("timeout_add_seconds", PTR), ("reserved", PTR * 3),
    )  # fmt: skip


class Purple:
    """One account on libpurple's own main loop, which is GLib's."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.glib = c.CDLL("libglib-2.0.so.0")
        self.lib = c.CDLL("libpurple.so.0", mode=c.RTLD_GLOBAL)
        self.keep: list[Any] = []
        self.inputs: dict[int, Any] = {}
        self._trust(given)
        self.ask("util_set_user_dir", None, os.path.join(given.home, ".purple").encode())
        self.ask("debug_set_enabled", None, INT(0))
        self._event_loop()
        self.ask("plugins_add_search_path", None, b"/usr/lib/purple-2")
        if not self.ask("core_init", INT, b"test-driver"):
            sys.exit("libpurple did not start")
        self.ask("set_blist", None, self.ask("blist_new", PTR))
        self.ask("blist_load", None)
        self.account = self._account(given)
        self._listen()
        self.ask("account_set_enabled", None, self.account, b"test-driver", INT(1))
        self._publish("available")

    def ask(self, name: str, result: Any = None, *arguments: Any) -> Any:
        """Call purple_NAME; plain pointers and bytes need no conversion."""
        function = getattr(self.lib, f"purple_{name}")
        function.restype = result
        return function(*[PTR(a) if isinstance(a, int) else a for a in arguments])

    def _trust(self, given: argparse.Namespace) -> None:
        """Pidgin trusts a certificate that it has under the server's name: that one alone, without its issuer."""
        folder = os.path.join(given.home, ".purple", "certificates", "x509", "tls_peers")
        os.makedirs(folder, exist_ok=True)
        with open(given.certificate) as chain, open(os.path.join(folder, HOST), "w") as file:
            end = "-----END CERTIFICATE-----\n"
            file.write(chain.read().partition(end)[0] + end)

    def _event_loop(self) -> None:
        watched = c.CFUNCTYPE(INT, PTR, INT, PTR)
        called = c.CFUNCTYPE(None, PTR, INT, INT)
        self.glib.g_io_channel_unix_new.restype = PTR
        self.glib.g_io_add_watch_full.argtypes = [PTR, INT, INT, watched, PTR, PTR]

        def input_add(fd: int, condition: int, function: int, user: int) -> int:
            wanted = (G_IO_IN | G_IO_HUP | G_IO_ERR if condition & READ else 0) | (
                G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL if condition & WRITE else 0
            )
            target = called(function)

            def ready(_channel: int, found: int, _user: int) -> int:
                readable = READ if found & (G_IO_IN | G_IO_HUP | G_IO_ERR) else 0
                target(user, fd, readable | (WRITE if found & (G_IO_OUT | G_IO_ERR) else 0))
                return 1

            callback = watched(ready)
            channel = PTR(self.glib.g_io_channel_unix_new(fd))
            source = self.glib.g_io_add_watch_full(channel, 0, wanted, callback, None, None)
            self.glib.g_io_channel_unref(channel)
            self.inputs[source] = callback
            return int(source)

        def input_remove(source: int) -> int:
            self.keep.append(self.inputs.pop(source, None))
            return int(self.glib.g_source_remove(UINT(source)))

        add, remove = c.CFUNCTYPE(UINT, INT, INT, PTR, PTR)(input_add), c.CFUNCTYPE(INT, UINT)(input_remove)
        glib = self.glib
        operations = EventLoop(
            c.cast(glib.g_timeout_add, PTR), c.cast(glib.g_source_remove, PTR), c.cast(add, PTR), c.cast(remove, PTR),
            None, c.cast(glib.g_timeout_add_seconds, PTR),
        )  # fmt: skip
        self.keep += [add, remove, operations]
        self.ask("eventloop_set_ui_ops", None, c.byref(operations))

    def _account(self, given: argparse.Namespace) -> Any:
        name, protocol = (given.user, b"prpl-simple") if given.simple else (f"{given.user}/pidgin", b"prpl-jabber")
        account = self.ask("account_new", PTR, name.encode(), protocol)
        self.ask("accounts_add", None, account)
        self.ask("account_set_password", None, account, given.password.encode())
        words = {"connect_server": HOST, "connection_security": "require_tls"}
        switches = {}
        if given.simple:
            words = {"proxy": HOST}
            switches = {"useproxy": True, "udp": given.simple == "udp", "dopublish": True, "doservice": True}
        for key, word in words.items():
            self.ask("account_set_string", None, account, key.encode(), word.encode())
        for key, on in switches.items():
            self.ask("account_set_bool", None, account, key.encode(), INT(on))
        self.ask("account_set_int", None, account, b"port", INT(int(given.port)))
        return account

    def _listen(self) -> None:
        self.handle = INT()

        def on(owner: str, name: bytes, types: tuple[Any, ...], heard: Callable[..., None]) -> None:
            callback = c.CFUNCTYPE(None, *types)(heard)
            self.keep.append(callback)
            source = self.ask(f"{owner}_get_handle", PTR)
            self.ask("signal_connect", c.c_ulong, source, name, c.byref(self.handle), c.cast(callback, PTR), None)

        def text(value: bytes | None) -> str:
            return (value or b"").decode(errors="replace")

        on("connections", b"signed-on", (PTR, PTR), lambda *_: emit("signed-on"))
        on(
            "connections",
            b"connection-error",
            (PTR, INT, STR, PTR),
            lambda _, n, why, __: emit("failed", why=text(why)),
        )
        on("blist", b"buddy-signed-on", (PTR, PTR), lambda buddy, _: emit("on", who=self._name(buddy)))
        on("blist", b"buddy-signed-off", (PTR, PTR), lambda buddy, _: emit("off", who=self._name(buddy)))
        on("blist", b"buddy-icon-changed", (PTR, PTR), lambda buddy, _: self._icon(buddy))
        on("blist", b"buddy-status-changed", (PTR, PTR, PTR, PTR), lambda buddy, *_: self._status(buddy))
        on(
            "conversations", b"received-im-msg", (PTR, STR, STR, PTR, INT, PTR),
            lambda _, sender, words, *__: emit("message", sender=text(sender), text=text(words)),
        )  # fmt: skip
        on("conversations", b"buddy-typing", (PTR, STR, PTR), lambda _, who, __: emit("typing", who=text(who)))

    def _name(self, buddy: Any) -> str:
        return str(self.ask("buddy_get_name", STR, buddy).decode())

    def _status(self, buddy: Any) -> None:
        status = self.ask("presence_get_active_status", PTR, self.ask("buddy_get_presence", PTR, buddy))
        emit("presence", who=self._name(buddy), status=self.ask("status_get_id", STR, status).decode())

    def _icon(self, buddy: Any) -> None:
        """The SHA-1 of a buddy's picture, or nothing."""
        icon, size = self.ask("buddy_get_icon", PTR, buddy), c.c_size_t()
        picture = b""
        if icon:
            start = self.ask("buddy_icon_get_data", PTR, icon, c.byref(size))
            picture = c.string_at(start, size.value)
        emit("icon", who=self._name(buddy), hash=hashlib.sha1(picture).hexdigest() if picture else "")

    def do(self, line: str) -> None:
        command, *words = line.split(" ")
        match command:
            case "presence":
                self._publish(words[0])
            case "friend":
                buddy = self.ask("buddy_new", PTR, self.account, words[0].encode(), None)
                self.ask("blist_add_buddy", None, buddy, None, None, None)
                self.ask("account_add_buddy", None, self.account, buddy)
            case "icon":
                picture = Path(words[0]).read_bytes()
                self.glib.g_memdup.restype = PTR
                copy = self.glib.g_memdup(picture, len(picture))
                self.ask("buddy_icons_set_account_icon", PTR, self.account, copy, c.c_size_t(len(picture)))
            case "msg":
                conversation = self.ask("conversation_new", PTR, INT(1), self.account, words[0].encode())
                im = self.ask("conversation_get_im_data", PTR, conversation)
                self.ask("conv_im_send", None, im, " ".join(words[1:]).encode())
            case "quit":
                self.ask("core_quit")
                os._exit(0)

    def _publish(self, word: str) -> None:
        primitive = {"offline": 1, "available": 2, "dnd": 3, "away": 5}[word]
        status = self.ask("savedstatus_new", PTR, None, INT(primitive))
        self.ask("savedstatus_activate", None, status)

    def run(self) -> None:
        buffer = b""
        read = c.CFUNCTYPE(INT, PTR, INT, PTR)

        def typed(_channel: int, _condition: int, _user: int) -> int:
            nonlocal buffer
            received = os.read(0, 65536)
            if not received:
                self.do("quit")
            *lines, buffer = (buffer + received).split(b"\n")
            for line in filter(None, lines):
                self.do(line.decode())
            return 1

        callback = read(typed)
        channel = PTR(self.glib.g_io_channel_unix_new(0))
        self.glib.g_io_add_watch_full(channel, 0, G_IO_IN | G_IO_HUP, callback, None, None)
        self.glib.g_main_loop_new.restype = PTR
        self.glib.g_main_loop_run(PTR(self.glib.g_main_loop_new(None, 0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("home", "user", "password", "port", "certificate"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--simple", choices=("tcp", "udp"), help="SIP over this transport, not XMPP")
    given = parser.parse_args()
    os.environ["HOME"] = given.home
    Purple(given).run()


if __name__ == "__main__":
    main()
