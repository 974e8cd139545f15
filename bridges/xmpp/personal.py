"""What is kept for each person and shown to others: nodes, bookmarks, pictures, visiting cards, private storage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .bookmark import NODE, OLD_NODE
from .bookmarks import COMPAT, Bookmarks, OldBookmarks
from .pep.avatars import CONVERSION, Avatars
from .pep.discovery import NodeDiscovery
from .pep.eventing import Eventing
from .pep.interests import Curiosity
from .pep.photos import Photos
from .pep.requests import PubSub
from .pep.specials import Specials
from .private import PrivateStorage
from .queries import Place, Queries, Query
from .resource import Resources, Start
from .vcard import Cards

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd


class Personal:
    """Joined once, as all parts are."""

    def __init__(self, front_end: FrontEnd, resources: Resources, queries: Queries, start: Start) -> None:
        self.photos = Photos(front_end.store)
        self.eventing = Eventing(front_end, resources)
        self.avatars = Avatars(self.eventing, self.photos, resources)
        self.cards = Cards(front_end, self.avatars)
        self.storage = PrivateStorage(front_end.store)
        self.bookmarks = Bookmarks(self.eventing, self.storage, resources)
        self.nodes = NodeDiscovery(self.eventing)
        self.curiosity = Curiosity(front_end, self.eventing, start)
        specials: Specials = {NODE: self.bookmarks, OLD_NODE: OldBookmarks(self.bookmarks)}
        self._pubsub = PubSub(self.eventing, specials, queries)
        queries.announce(Place.ACCOUNT, *COMPAT)
        for place in (Place.ACCOUNT, Place.PERSON):
            queries.announce(place, CONVERSION)
        front_end.accounts.leaving.append(self.photos.leave)

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        for part in (self.storage, self.cards, self._pubsub):
            yield from part.queries()
