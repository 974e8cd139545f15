"""Ad-hoc commands (XEP-0050): what somebody may have the server do, by filling in forms."""
