"""The core: people, their presence, and the conversations they hold.  It speaks no protocol."""

from .access import AccessLevel
from .call import Call, Party
from .conversation import Conversation, History
from .errors import HereaboutsError, NotAllowed, NotFound, Refused
from .hooks import hookimpl
from .identity import Endpoint, Identity
from .message import Delivery, Message, Utterance
from .presence import Activity, Availability, PresenceDocument, Publication

__all__ = [
    "AccessLevel",
    "Activity",
    "Availability",
    "Call",
    "Conversation",
    "Delivery",
    "Endpoint",
    "HereaboutsError",
    "History",
    "Identity",
    "Message",
    "NotAllowed",
    "NotFound",
    "Party",
    "PresenceDocument",
    "Publication",
    "Refused",
    "Utterance",
    "hookimpl",
]
