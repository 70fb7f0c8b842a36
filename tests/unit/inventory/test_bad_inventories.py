"""Each file in bad/ is refused as bad/expected.yml says; a new case is a new file and a line there."""

from pathlib import Path

import pytest
import yaml

from stella_ops.errors import InventoryError
from stella_ops.inventory.loader import load_inventory

BAD = Path(__file__).parent / "bad"
EXPECTED = yaml.safe_load((BAD / "expected.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_is_refused(name: str) -> None:
    line, message, hint = EXPECTED[name]
    with pytest.raises(InventoryError) as caught:
        load_inventory([BAD / name])
    assert caught.value.message == message
    assert caught.value.hint == hint
    assert caught.value.where is not None
    place = caught.value.where.removeprefix(str(BAD / name))  # "", ":LINE" or ":LINE:COLUMN"
    assert int((place or ":0").split(":")[1]) == line


def test_every_file_is_expected() -> None:
    assert {path.name for path in BAD.iterdir()} == {*EXPECTED, "expected.yml"}
