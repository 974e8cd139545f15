"""People of other domains, as this server deals with them; how stanzas get there and back is a carrier's matter."""
