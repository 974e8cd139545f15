"""Every scene in scenes/ is performed; a line that nobody can perform is a failure, not a comment."""

from __future__ import annotations

from pathlib import Path

import pytest

from .scene import perform

SCENES = sorted((Path(__file__).parent / "scenes").glob("*.scene"))


@pytest.mark.parametrize("scene", SCENES, ids=lambda path: path.stem)
async def test_scene(scene: Path, tmp_path: Path) -> None:
    await perform(scene, tmp_path)


async def test_a_line_nobody_knows_is_named_by_file_and_line(tmp_path: Path) -> None:
    scene = tmp_path / "odd.scene"
    scene.write_text("# a comment\nalice juggles\n")
    with pytest.raises(AssertionError, match=r"odd.scene:2: nobody knows how to perform 'alice juggles'"):
        await perform(scene, tmp_path / "state")
