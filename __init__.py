"""hereabouts: a presence and instant messaging front end server."""
