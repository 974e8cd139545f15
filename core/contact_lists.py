"""Contact lists: whom people know, who may see whom, who asks, who is blocked, and the one access decision."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .access import AccessLevel, AccessPolicy
from .contact_news import AccessChanged, Change, ContactNews
from .contacts import MAX_CONTACTS, Contact, check_names
from .errors import NotAllowed, NotFound, TooLarge
from .held_lists import HeldLists
from .identity import Identity
from .locks import Locks
from .message import Native, SubscriptionNews
from .question_words import QuestionWords
from .subscription import Deed, exchange, no_entry, parting, received, sent

if TYPE_CHECKING:
    from .accounts import Accounts
    from .hookspecs import Hooks
    from .registrar import Registrar
    from .store import Profiles

MAX_QUESTIONS = 200
"""Strangers whose question one person may have waiting; a further one is not noted."""
MAX_BLOCKED = 1000
"""People one person may block."""


class ContactLists:
    """Everybody's lists.  A change is in the store before anybody is told of it, and both sides change at once.

    More than twelve public methods: it is every protocol's whole view of contacts, so that there is one place to look.
    """

    def __init__(
        self,
        store: Profiles,
        registrar: Registrar,
        accounts: Accounts,
        hooks: Hooks,
        *,
        own_domains: Collection[str],
        policy: AccessPolicy = AccessPolicy(),  # noqa: B008
    ) -> None:
        self._store = store
        self._words = QuestionWords(store)
        self._news = ContactNews(registrar, hooks, self.blocked)
        self.told = self._news.told
        """Told whose entries changed, when everybody whom it concerns has heard of it."""
        self._accounts = accounts
        self._hooks = hooks
        self._own_domains = frozenset(own_domains)
        self.policy = policy
        """What the site allows; a plugin may put another in its place at start."""
        self._lists = HeldLists(store)
        self.changed = self._lists.changed
        """Told whose list, blocks or questions are not what they were."""
        self._locked = Locks().held
        self._asks_plugins = bool(hooks.implemented_by("access"))
        self.access_changed: AccessChanged = nobody_watches
        """PresenceRegistry.access_changed, once there is one: the two know each other."""
        self.shown_abroad: Callable[[Identity, Identity], AccessLevel] = lambda watcher, who: AccessLevel.STRANGER
        """What a watcher is shown of somebody of another domain: that domain decides."""
        accounts.leaving.append(self._leave)

    # ---- the list

    async def of(self, owner: Identity) -> list[Contact]:
        """Everybody on the list, by address."""
        held = await self._lists.of(owner)
        return sorted((entry for entry in held.entries.values() if entry.listed), key=lambda entry: entry.address)

    async def version(self, owner: Identity) -> str:
        """Names the list as it is: an equal list has an equal version, after a restart too (RFC 6121 section 2.6)."""
        return (await self._lists.of(owner)).version

    async def get(self, owner: Identity, address: Identity) -> Contact | None:
        """One entry; also a stranger's question, which is not ``listed``."""
        return (await self._lists.of(owner)).entries.get(address)

    async def put(self, owner: Identity, address: Identity, *, name: str, groups: tuple[str, ...]) -> Contact:
        """Put somebody on the list, or give them another name or other groups.

        Raises TooLarge above a limit, Refused for a group or a name that cannot be one, NotAllowed for the owner.
        """
        if owner == address:
            raise NotAllowed("nobody is a contact of their own")
        groups = tuple(dict.fromkeys(groups))
        check_names(name, groups)
        async with self._locked(owner):
            before = await self._entry(owner, address)
            after = replace(before, name=name, groups=groups, listed=True)
            await self._check_room(before, after)
            await self._commit([(before, after)])
            self._news.change(before, after)
        return after

    async def remove(self, owner: Identity, address: Identity) -> None:
        """Take somebody off the list: neither sees the other any more (RFC 6121 section 2.5).  Raises NotFound."""
        async with self._locked(owner, address):
            mine = await self._entry(owner, address)
            if not mine.listed:
                raise NotFound(f"{address} is not on the list")
            theirs = await self._their_entry(owner, address, Deed.STOP)
            stopped = exchange(mine, Deed.STOP, theirs)
            ended = exchange(stopped.mine, Deed.REVOKE, stopped.theirs)
            changes = [(mine, no_entry(owner, address))]
            if theirs is not None and ended.theirs is not None:
                changes.append((theirs, ended.theirs))
            await self._commit(changes)
            told = [(address, SubscriptionNews(owner, d)) for d in (stopped.told, ended.told) if d]
            await self._tell(changes, told or self._goodbyes(mine))

    # ---- who may see whom

    async def ask(self, owner: Identity, address: Identity, native: Native | None = None) -> None:
        """The owner wants to see somebody."""
        await self._do(owner, Deed.ASK, address, native)

    async def grant(self, owner: Identity, address: Identity, native: Native | None = None) -> None:
        """Somebody may see the owner: the answer to their question, or given before they ask."""
        await self._do(owner, Deed.GRANT, address, native)

    async def revoke(self, owner: Identity, address: Identity, native: Native | None = None) -> None:
        """Somebody may not see the owner, or no longer."""
        await self._do(owner, Deed.REVOKE, address, native)

    async def stop(self, owner: Identity, address: Identity, native: Native | None = None) -> None:
        """The owner no longer wants to see somebody."""
        await self._do(owner, Deed.STOP, address, native)

    async def heard(self, stranger: Identity, deed: Deed, owner: Identity, native: Native | None = None) -> None:
        """Somebody of another domain does something about one of ours (RFC 6121 section A.3); about nobody, nothing."""
        async with self._locked(owner):
            before = await self._their_entry(stranger, owner, deed)
            if before is None:
                return
            after, goes, reply = received(before, deed)
            if deed is Deed.ASK and after.asking and native is not None:
                await self._words.keep(owner, stranger, native)
            await self._commit([(before, after)])
            news = [(owner, SubscriptionNews(stranger, deed, native))] if goes else []
            if reply is not None:
                news.append((stranger, SubscriptionNews(owner, reply)))
            await self._tell([(before, after)], news)

    async def questions(self, owner: Identity) -> list[Contact]:
        """Who asked to see the owner and has no answer, by address; for every sign-in (RFC 6121 section 3.1.3)."""
        held = await self._lists.of(owner)
        asking = [entry for entry in held.entries.values() if entry.asking and entry.address not in held.blocked]
        return sorted(asking, key=lambda entry: entry.address)

    async def words(self, owner: Identity, asker: Identity) -> Native | None:
        """What the asker sent along with the question."""
        return await self._words.of(owner, asker)

    # ---- who may not

    async def block(self, owner: Identity, who: Identity) -> None:
        """Somebody sees the owner offline from now on, and cannot write to them.  Raises TooLarge, NotAllowed."""
        if owner == who:
            raise NotAllowed("nobody blocks themselves")
        async with self._locked(owner):
            blocked = (await self._lists.of(owner)).blocked
            if who in blocked:
                return
            if len(blocked) >= MAX_BLOCKED:
                raise TooLarge(f"no more than {MAX_BLOCKED} people can be blocked")
            await self._lists.block(owner, blocked | {who})
        await self.access_changed(owner, [who])

    async def unblock(self, owner: Identity, who: Identity | None = None) -> None:
        """Take a block back; None: all of them."""
        async with self._locked(owner):
            blocked = (await self._lists.of(owner)).blocked
            freed = blocked if who is None else blocked & {who}
            if not freed:
                return
            await self._lists.block(owner, blocked - freed)
        await self.access_changed(owner, freed)

    async def blocked(self, owner: Identity) -> frozenset[Identity]:
        """Whom the owner blocks."""
        return (await self._lists.of(owner)).blocked

    async def level(self, watcher: Identity | None, presentity: Identity) -> AccessLevel:
        """How much the watcher (None: nobody we know) may see.  The one decision, for every protocol; see access.py."""
        if watcher is None:
            return AccessLevel.EXTERNAL if self.policy.public else AccessLevel.STRANGER
        if watcher == presentity:
            return AccessLevel.PERSONAL
        if presentity.domain not in self._own_domains:
            return self.shown_abroad(watcher, presentity)
        held = self._lists.at_hand(presentity) or await self._lists.of(presentity)
        if watcher in held.blocked:
            return AccessLevel.BLOCKED
        if self._asks_plugins:
            answer = await self._hooks.access(watcher=watcher, presentity=presentity)
            if answer is not None:
                return answer
        entry = held.entries.get(watcher)
        if entry is not None and entry.seen:
            return AccessLevel.COLLEAGUES if watcher.domain in self._own_domains else AccessLevel.EXTERNAL
        if self.policy.same_domain == "everyone" and watcher.domain == presentity.domain:
            return AccessLevel.COLLEAGUES
        return AccessLevel.STRANGER

    # ---- inside

    async def _do(self, owner: Identity, deed: Deed, address: Identity, native: Native | None) -> None:
        if owner == address:
            return
        async with self._locked(owner, address):
            mine = await self._entry(owner, address)
            theirs = await self._their_entry(owner, address, deed)
            result = exchange(mine, deed, theirs)
            await self._check_room(mine, result.mine)
            changes = [(mine, result.mine)]
            if theirs is not None and result.theirs is not None:
                changes.append((theirs, result.theirs))
                if deed is Deed.ASK and result.theirs.asking and native is not None:
                    await self._words.keep(address, owner, native)
            await self._commit(changes)
            news = []
            told = result.told or (deed if self._abroad(address) and sent(mine, deed).goes else None)
            if told:
                news.append((address, SubscriptionNews(owner, told, native)))
            if result.answered:
                news.append((owner, SubscriptionNews(address, result.answered)))
            await self._tell(changes, news)

    async def _their_entry(self, owner: Identity, address: Identity, deed: Deed) -> Contact | None:
        """The contact's entry about the owner; None where the deed arrives at nobody, and nobody must notice.

        People of other domains keep their own lists; whoever speaks with their domain says what they do: ``heard``.
        """
        if address.domain not in self._own_domains or not await self._accounts.exists(address):
            return None
        held = await self._lists.of(address)
        theirs = held.entries.get(owner)
        if deed is Deed.ASK:
            if owner in held.blocked:
                return None
            if theirs is None and sum(not entry.listed for entry in held.entries.values()) >= MAX_QUESTIONS:
                return None
        return theirs or no_entry(address, owner)

    def _abroad(self, address: Identity) -> bool:
        """Whether the other side's list is kept elsewhere: there it is decided what becomes of a deed."""
        return address.domain not in self._own_domains

    async def _entry(self, owner: Identity, address: Identity) -> Contact:
        return await self.get(owner, address) or no_entry(owner, address)

    async def _check_room(self, before: Contact, after: Contact) -> None:
        if after.listed and not before.listed and len(await self.of(after.owner)) >= MAX_CONTACTS:
            raise TooLarge(f"a contact list has no more than {MAX_CONTACTS} entries")

    async def _commit(self, changes: Sequence[Change]) -> None:
        different = [after for before, after in changes if before != after]
        gone = [(entry.owner, entry.address) for entry in different if entry == no_entry(entry.owner, entry.address)]
        kept = [entry for entry in different if (entry.owner, entry.address) not in gone]
        if different:
            await self._lists.commit(kept, gone)
        for before, after in changes:
            if before.asking and not after.asking:
                await self._words.forget(after.owner, after.address)

    async def _tell(self, changes: Sequence[Change], news: Iterable[tuple[Identity, SubscriptionNews]]) -> None:
        await self._news.tell(changes, news, self.access_changed)

    async def _leave(self, who: Identity) -> None:
        """Somebody's account goes: off everybody's list, and out of sight."""
        for entry in await self._store.watchers(who):
            async with self._locked(entry.owner):
                before = await self._entry(entry.owner, who)
                changes = [(before, no_entry(entry.owner, who))]
                await self._commit(changes)
                await self._tell(changes, [])
        async with self._locked(who):
            left = list((await self._lists.of(who)).entries.values())
            await self._lists.commit([], [(who, entry.address) for entry in left])
            await self._lists.block(who, frozenset())
        await self.access_changed(who, None)
        await self._tell([], [item for entry in left for item in self._goodbyes(entry)])

    def _goodbyes(self, entry: Contact) -> list[tuple[Identity, SubscriptionNews]]:
        """What is said to somebody of another domain whose entry goes; here both lists change at once."""
        deeds = parting(entry) if self._abroad(entry.address) else ()
        return [(entry.address, SubscriptionNews(entry.owner, deed)) for deed in deeds]


async def nobody_watches(presentity: Identity, watchers: Iterable[Identity] | None) -> None:
    """What happens to access that changes before there is a presence registry."""
