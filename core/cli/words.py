"""What the banner says, in English and German: one table."""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping


class Language(enum.StrEnum):
    ENGLISH = "en"
    GERMAN = "de"


def spoken(environment: Mapping[str, str] | None = None) -> Language:
    """The language of whoever reads the terminal (POSIX: LC_ALL, then LC_MESSAGES, then LANG)."""
    environment = os.environ if environment is None else environment
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return Language.GERMAN if locale.lower().startswith("de") else Language.ENGLISH


WORDS: dict[str, tuple[str, str]] = {
    "ready": ("hereabouts {version} is ready for {domains}.", "hereabouts {version} ist bereit für {domains}."),
    "ready in": ("It took {seconds:.1f} seconds.", "Das hat {seconds:.1f} Sekunden gedauert."),
    "addresses": ("Addresses", "Adressen"),
    "accounts": ("Accounts", "Konten"),
    "password for all": ("password of all four: {password}", "Kennwort von allen vieren: {password}"),
    "sip client": ("Sign in with a SIP client", "Mit einem SIP-Programm anmelden"),
    "sip client how": (
        "In Linphone, baresip or a desk phone: user name {user}, domain {domain}, the password above,\n"
        "transport TLS, server (outbound proxy) {host}:{port}.",
        "In Linphone, baresip oder am Tischtelefon: Benutzername {user}, Domain {domain}, das Kennwort oben,\n"
        "Transport TLS, Server (Outbound-Proxy) {host}:{port}.",
    ),
    "sip plain": (
        "Without TLS: transport TCP or UDP, {host}:{port}.",
        "Ohne TLS: Transport TCP oder UDP, {host}:{port}.",
    ),
    "xmpp client": ("Sign in with an XMPP client", "Mit einem XMPP-Programm anmelden"),
    "xmpp client how": (
        "In Gajim, Dino, Conversations, Pidgin or profanity: address {who}, the password above,\n"
        "server (host) {host}, port {port}.",
        "In Gajim, Dino, Conversations, Pidgin oder profanity: Adresse {who}, das Kennwort oben,\n"
        "Server (Host) {host}, Port {port}.",
    ),
    "trust": (
        "The certificate was made here. Programs that check it want this authority: {authority}",
        "Das Zertifikat wurde hier gemacht. Programme, die es prüfen, brauchen diese Stelle: {authority}",
    ),
    "page": ("Everybody's presence, live", "Die Anwesenheit aller, live"),
    "state": ("Everything is kept in {state}.", "Alles liegt in {state}."),
    "ask": (
        "In another window:  hereabouts who · why alice · conversations · records",
        "In einem anderen Fenster:  hereabouts who · why alice · conversations · records",
    ),
    "stop": ("Ctrl-C stops it.", "Strg-C beendet es."),
    "stopping": ("Stopping …", "Wird beendet …"),
    "stopped": ("Stopped.", "Beendet."),
}
"""Every sentence in English and in German."""


def say(key: str, language: Language, **what: object) -> str:
    """One sentence of the table."""
    english, german = WORDS[key]
    return (german if language is Language.GERMAN else english).format(**what)
