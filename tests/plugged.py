"""Hooks made of plugin objects, without a configuration file."""

from __future__ import annotations

import pluggy

from ..core.hooks import PROJECT
from ..core.hookspecs import Hooks


def hooks_of(*plugins: object) -> Hooks:
    """The hooks these plugins implement, in this order."""
    host = pluggy.PluginManager(PROJECT)
    host.add_hookspecs(Hooks.specifications())
    for plugin in reversed(plugins):
        host.register(plugin, name=type(plugin).__name__)
    host.check_pending()
    return Hooks(host)
