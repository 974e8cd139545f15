"""Push notifications (XEP-0357): somebody's phone is woken when a message waits and no client of theirs looks."""
