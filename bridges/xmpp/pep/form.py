"""A node's configuration as a data form (XEP-0060 section 16.4, XEP-0004): read, checked, written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args
from xml.etree.ElementTree import Element

import msgspec

from ..errors import StanzaError
from ..syntax import xml
from .errors import precondition_not_met, refusal
from .node import MAX_ITEMS, Access, Config, Node

FORM = f"{{{xml.DATA_FORM}}}x"
FIELD = f"{{{xml.DATA_FORM}}}field"
VALUE = f"{{{xml.DATA_FORM}}}value"
NODE_CONFIG = f"{xml.PUBSUB}#node_config"
META_DATA = f"{xml.PUBSUB}#meta-data"
PREFIX = "pubsub#"
MAX_GROUPS = 100
"""Groups of the contact list that one node may be for."""

LABELS: Mapping[str, str] = {
    "title": "A short name for the node",
    "description": "What the node is about",
    "type": "The kind of payload",
    "language": "The language of its items",
    "access_model": "Who may read it",
    "roster_groups_allowed": "Groups of the contact list that may read it",
    "publish_model": "Who may publish",
    "max_items": "How many items are kept",
    "persist_items": "Whether items are kept at all",
    "item_expire": "Seconds after which an item goes by itself",
    "max_payload_size": "The largest payload in bytes",
    "send_last_published_item": "When the last item is sent unasked",
    "deliver_notifications": "Whether anybody is told of new items",
    "deliver_payloads": "Whether they are told what is in them",
    "notify_config": "Whether they are told of a new configuration",
    "notify_delete": "Whether they are told when the node goes",
    "notify_retract": "Whether they are told when an item goes",
    "notification_type": "The type of message they are told by",
}
"""Every field we know, in the order of the form."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "access_model": get_args(Access),
    "publish_model": ("publishers",),
    "send_last_published_item": ("never", "on_sub", "on_sub_and_presence"),
    "notification_type": ("headline", "normal"),
}
DEFAULTS = Config()
BOOLEANS = frozenset(name for name in LABELS if isinstance(getattr(DEFAULTS, name), bool))
NUMBERS = frozenset({"max_items", "item_expire", "max_payload_size"})
TRUTH = {"1": True, "true": True, "0": False, "false": False}


# ---- reading


def values(form: Element | None) -> dict[str, list[str]]:
    """The fields of a submitted form; nothing where there is none, or where it was cancelled."""
    if form is None or form.get("type") == "cancel":
        return {}
    return {
        field.get("var", ""): [(value.text or "").strip() for value in field.findall(VALUE)]
        for field in form.findall(FIELD)
        if field.get("var")
    }


def known(fields: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Those of a configuration that we have, by their short names."""
    return {
        name: given for var, given in fields.items() if (name := var.removeprefix(PREFIX)) in LABELS and name != var
    }


def changed(config: Config, fields: Mapping[str, list[str]]) -> Config:
    """The configuration with what a form says; what it does not mention stays.  Raises StanzaError."""
    asked: dict[str, Any] = msgspec.to_builtins(config)
    for name, given in known(fields).items():
        asked[name] = _value(name, given)
    try:
        return msgspec.convert(asked, Config)
    except msgspec.ValidationError as why:
        if known(fields).get("access_model", ["open"])[0] not in CHOICES["access_model"]:
            raise refusal("modify", "not-acceptable", "unsupported-access-model") from why
        raise StanzaError("modify", "not-acceptable", str(why)) from why


def check(config: Config, fields: Mapping[str, list[str]]) -> None:
    """Whether a node is as the fields of publish-options want it (section 7.1.5).  Raises StanzaError."""
    for name, given in known(fields).items():
        if shown(name, getattr(config, name)) != shown(name, _value(name, given)):
            raise precondition_not_met(f"{PREFIX}{name} is {', '.join(shown(name, getattr(config, name)))}")


def unknown(fields: Mapping[str, list[str]]) -> list[str]:
    """Fields that name no part of a configuration."""
    ours = {"FORM_TYPE", *(PREFIX + name for name in LABELS)}
    return [var for var in fields if var not in ours]


def _value(name: str, given: list[str]) -> Any:
    if name == "roster_groups_allowed":
        return given[:MAX_GROUPS]
    text = given[0] if given else ""
    if name in BOOLEANS:
        return TRUTH.get(text, text)
    if name not in NUMBERS or not (text.isascii() and text.isdecimal() and len(text) < 12):
        return text
    return min(int(text), MAX_ITEMS) if name == "max_items" else int(text)


# ---- writing


def form(config: Config) -> bytes:
    """The form to be filled in, with what holds now."""

    def field(name: str) -> bytes:
        options = [xml.element("option", None, xml.element("value", None, choice)) for choice in CHOICES.get(name, ())]
        attrs = {"var": PREFIX + name, "type": _type(name), "label": LABELS[name]}
        return xml.element("field", attrs, b"".join(options) + _values(name, config))

    return _form("form", NODE_CONFIG, map(field, LABELS))


def result(config: Config) -> bytes:
    """The configuration as news of itself."""
    return _form("result", NODE_CONFIG, map(_plain(config), LABELS))


def meta_data(node: Node, owner: str, created: str) -> bytes:
    """What is known of a node (section 5.4)."""
    more = {"creation_date": created, "creator": owner, "owner": owner, "num_subscribers": str(len(node.subscribers))}
    fields = [
        xml.element("field", {"var": PREFIX + name}, xml.element("value", None, xml.text(value)))
        for name, value in more.items()
    ]
    names = ("type", "title", "description", "language", "access_model", "publish_model", "max_items")
    return _form("result", META_DATA, [*map(_plain(node.config), names), *fields])


def shown(name: str, value: Any) -> list[str]:
    """A value as a form has it."""
    if isinstance(value, bool):
        return ["1" if value else "0"]
    if isinstance(value, tuple | list):
        return sorted(str(part) for part in value)
    return [str(value)]


def _plain(config: Config) -> Callable[[str], bytes]:
    return lambda name: xml.element("field", {"var": PREFIX + name}, _values(name, config))


def _values(name: str, config: Config) -> bytes:
    given = shown(name, getattr(config, name))
    return b"".join(xml.element("value", None, xml.text(value)) for value in given if value)


def _type(name: str) -> str:
    if name in BOOLEANS:
        return "boolean"
    if name == "roster_groups_allowed":
        return "text-multi"
    return "list-single" if name in CHOICES else "text-single"


def _form(type: str, form_type: str, fields: Iterable[bytes]) -> bytes:
    hidden = xml.element("field", {"var": "FORM_TYPE", "type": "hidden"}, xml.element("value", None, form_type))
    return xml.element("x", {"xmlns": xml.DATA_FORM, "type": type}, hidden + b"".join(fields))
