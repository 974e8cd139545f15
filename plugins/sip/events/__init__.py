"""What somebody may subscribe to, and the notifier that tells them (RFC 6665)."""
