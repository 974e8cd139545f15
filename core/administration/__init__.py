"""What an administrator can do: one table of deeds, for the admin socket and for commands without a server."""

from ..operator import Operator, Reloaded
from .deeds import DEEDS, Deed, perform

__all__ = ["DEEDS", "Deed", "Operator", "Reloaded", "perform"]
