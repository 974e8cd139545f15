"""A store of people in memory, for tests of what stands above the store."""

from ...core.contacts import Contact


class MemoryProfiles:
    """The protocol Profiles, with nothing behind it."""

    def __init__(self):
        self.persons, self.keys, self.entries, self.blocks, self.papers = {}, {}, {}, {}, {}
        self.commits = []

    async def person(self, who):
        return self.persons.get(who)

    async def put_person(self, who, person):
        self.persons[who] = person

    async def remove_person(self, who):
        self.persons.pop(who, None)
        self.keys.pop(who, None)
        self.blocks.pop(who, None)
        self.entries = {key: entry for key, entry in self.entries.items() if who not in key}

    async def credentials(self, who):
        return self.keys.get(who, {})

    async def put_credentials(self, who, keys):
        self.keys[who] = dict(keys)

    async def contacts(self, owner) -> list[Contact]:
        return [entry for (holder, _), entry in sorted(self.entries.items()) if holder == owner]

    async def contact(self, owner, address):
        return self.entries.get((owner, address))

    async def watchers(self, who) -> list[Contact]:
        return [entry for (_, address), entry in sorted(self.entries.items()) if address == who]

    async def put_contacts(self, changed, removed=()):
        changed, removed = list(changed), list(removed)
        self.commits.append((changed, removed))
        self.entries.update({(entry.owner, entry.address): entry for entry in changed})
        for key in removed:
            self.entries.pop(key, None)

    async def blocked(self, owner):
        return self.blocks.get(owner, frozenset())

    async def put_blocked(self, owner, blocked):
        self.blocks[owner] = blocked

    async def document(self, kind, key):
        return self.papers.get((kind, key))

    async def put_document(self, kind, key, body):
        self.papers[kind, key] = body
        if body is None:
            del self.papers[kind, key]

    async def documents(self, kind, prefix=""):
        return {key: body for (k, key), body in self.papers.items() if k == kind and key.startswith(prefix)}
