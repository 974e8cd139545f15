"""How fast hereabouts is, beside servers of the same trade in the same run.  ``python -m hereabouts.benchmarks``."""
