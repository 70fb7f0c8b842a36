"""What inventory plug-ins keep of their sources in files."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest

from stella_ops.templating.plugins.ansible_errors import AnsibleError
from stella_ops.templating.plugins.source_cache import FileCache, SourceCache, source_cache

OPTIONS = {"cache_plugin": "jsonfile", "cache_prefix": "inv_", "cache_timeout": 10}


def cache(folder: Path, said: list[str] | None = None, timeout: float = 10, now: float | None = None) -> FileCache:
    clock = (lambda: now) if now is not None else (lambda: 0.0)
    return FileCache(folder, "inv_", timeout, (said if said is not None else []).append, clock)


def test_what_is_written_is_found_by_the_next_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = cache(tmp_path / "a" / "b")
    first["key"] = {"hosts": ["{{ 1 }}"], "at": datetime.date(2026, 1, 2), "ports": (1, 2)}
    assert not list((tmp_path / "a" / "b").iterdir())
    first.update_cache_if_changed()
    [file] = (tmp_path / "a" / "b").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("inv_key", 0o600)
    second = cache(tmp_path / "a" / "b")
    assert list(second) == ["key"]
    found = second["key"]
    assert found == {"hosts": ["{{ 1 }}"], "at": "2026-01-02", "ports": [1, 2]}
    assert type(found["hosts"][0]) is str, "what was kept is data"


def test_what_is_too_old_is_asked_for_again(tmp_path: Path) -> None:
    first = cache(tmp_path)
    first["key"] = 1
    first.update_cache_if_changed()
    os.utime(tmp_path / "inv_key", (100, 100))
    assert cache(tmp_path, now=110.0).get("key") == 1
    assert cache(tmp_path, now=110.5).get("key") is None
    assert cache(tmp_path, now=1e9, timeout=0).get("key") == 1


def test_what_is_taken_out_is_gone_for_the_next_too(tmp_path: Path) -> None:
    first = cache(tmp_path)
    first["a"], first["b"] = 1, 2
    first.set_cache()
    second = cache(tmp_path)
    del second["a"]
    assert list(second) == ["b"]
    assert "a" not in second
    with pytest.raises(KeyError):
        del second["a"]
    second.update_cache_if_changed()
    assert [path.name for path in tmp_path.iterdir()] == ["inv_b"]
    second.flush()
    second.update_cache_if_changed()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("key", ["../out", "a/b", "a\0b"])
def test_no_key_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    said: list[str] = []
    kept = cache(tmp_path / "in", said)
    kept[key] = 1
    kept.update_cache_if_changed()
    assert not list((tmp_path / "in").iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert len(said) == 1
    assert "its name cannot be that of a file" in said[0]


def test_what_cannot_be_kept_or_read_is_told_and_stops_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    kept = cache(tmp_path, said)
    kept["key"] = object()
    kept.update_cache_if_changed()
    (tmp_path / "inv_torn").write_text('{"a": ')
    assert kept.get("torn", "none") == "none"
    assert kept["key"] is not None
    assert ["is not kept" in said[0], "it is no JSON" in said[1]] == [True, True]


def test_which_cache_options_mean(tmp_path: Path) -> None:
    said: list[str] = []
    made = source_cache({**OPTIONS, "cache_connection": str(tmp_path / "x")}, said.append)
    assert isinstance(made, FileCache)
    assert type(source_cache({"cache_plugin": None}, said.append)) is SourceCache
    assert not said
    assert type(source_cache({"cache_plugin": "community.general.redis"}, said.append)) is SourceCache
    assert "'redis' is not supported" in said[0]
    with pytest.raises(AnsibleError, match="needs a folder"):
        source_cache({**OPTIONS, "cache_plugin": "ansible.builtin.jsonfile"}, said.append)
    (tmp_path / "file").write_text("")
    with pytest.raises(AnsibleError, match="there can be no inventory cache in"):
        source_cache({**OPTIONS, "cache_connection": str(tmp_path / "file")}, said.append)
