"""The checkout's folder is the package's name, so it must be a Python identifier."""

from pathlib import Path

import pytest

if not Path(__file__).parent.name.isidentifier():
    pytest.exit(
        f"The folder {Path(__file__).parent.name!r} is no Python identifier, and the checkout is the package: "
        "rename it (hereabouts, for example) and run the tests again.",
        returncode=4,
    )
