"""Personal eventing (XEP-0163): nodes of a person's account that others may read and hear of."""
