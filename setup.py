"""Packaging.  The root of the checkout is the package `hereabouts`: core/ installs as hereabouts.core, and so on."""

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

SOURCES = ("core", "plugins", "bridges", "web")


class BuildPy(build_py):
    """Of the root folder, install only the package's own face: not setup.py, not conftest.py."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        found = super().find_package_modules(package, package_dir)
        return [m for m in found if package != "hereabouts" or m[1] in ("__init__", "__main__")]


setup(
    name="hereabouts",
    version="0.1.0",
    description="A presence and instant messaging front end server: SIP, XMPP and the web share one truth.",
    license="MIT",
    python_requires=">=3.11",
    packages=["hereabouts", *(f"hereabouts.{p}" for p in find_packages(".") if p.split(".")[0] in SOURCES)],
    package_dir={"hereabouts": "."},
    package_data={
        "hereabouts": ["py.typed", "plugins.toml"],
        "hereabouts.web": ["templates/**/*", "static/**/*"],
    },
    install_requires=[
        "aiodns>=4",
        "aiohttp>=3.9",
        "click>=8.1",
        "cryptography>=41",
        "jinja2>=3.1",
        "lxml>=5",
        "msgspec>=0.18",
        "pluggy>=1.4",
        "slixmpp>=1.9",
        "sqlite-utils>=4",
    ],
    extras_require={
        "speed": ["uvloop>=0.19"],
        "icons": ["resvg-py>=0.3"],
        "tests": [
            "hypothesis>=6.100",
            "mypy>=1.10",
            "pexpect>=4.9",
            "pillow>=10",
            "playwright>=1.44",
            "pyte>=0.8",
            "pytest>=8",
            "pytest-asyncio>=0.24",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.5",
            "resvg-py>=0.3",
            "ruff>=0.5",
            "trustme>=1.2",
        ],
    },
    entry_points={"console_scripts": ["hereabouts = hereabouts.core.cli:main"]},
    cmdclass={"build_py": BuildPy},
)
