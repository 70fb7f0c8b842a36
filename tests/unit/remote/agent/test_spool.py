import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stella_ops.remote.agent import spool
from stella_ops.remote.agent.spool import Spool


def test_rotation_is_bounded_and_keeps_the_newest(tmp_path):
    path = str(tmp_path / "heartbeats.jsonl")
    writer = Spool(path, max_bytes=1000, kept=2)
    for number in range(200):
        assert writer.append({"note": "x" * 50})["seq"] == number + 1
    files = sorted(entry.name for entry in tmp_path.iterdir())
    assert files == ["heartbeats.jsonl", "heartbeats.jsonl.1", "heartbeats.jsonl.2"]
    assert all(entry.stat().st_size <= 1000 for entry in tmp_path.iterdir())
    seqs = [entry["seq"] for entry in spool.entries(path, kept=2)]
    assert seqs == list(range(seqs[0], 201))
    assert len(seqs) > 20


def test_a_new_writer_right_after_a_rotation_goes_on(tmp_path):
    path = str(tmp_path / "heartbeats.jsonl")
    writer = Spool(path, max_bytes=100, kept=2)
    for _ in range(7):
        writer.append({"note": "x" * 50})
    (tmp_path / "heartbeats.jsonl").unlink()
    assert Spool(path, max_bytes=100, kept=2).seq == 6


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 400), notes=st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_torn_anywhere_it_goes_on_after_the_last_whole_line(tmp_path_factory, cut, notes):
    path = tmp_path_factory.mktemp("spool") / "heartbeats.jsonl"
    writer = Spool(str(path))
    for note in notes:
        writer.append({"note": note})
    data = path.read_bytes()[:cut]
    path.write_bytes(data)
    whole = data.count(b"\n")
    torn = Spool(str(path))
    assert torn.seq == whole
    torn.append({"note": "after"})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, whole + 2))
    assert [line["note"] for line in lines] == [*notes[:whole], "after"]


@given(junk=st.binary(max_size=200))
def test_junk_in_the_file_is_passed_over(tmp_path_factory, junk):
    path = tmp_path_factory.mktemp("spool") / "heartbeats.jsonl"
    path.write_bytes(junk + b'\n{"seq": 41}\n')
    assert Spool(str(path)).append({})["seq"] >= 42
    assert 41 in [entry["seq"] for entry in spool.entries(str(path))]


def test_the_number_is_not_used_when_the_disk_is_full(tmp_path, monkeypatch):
    path = tmp_path / "heartbeats.jsonl"
    writer = Spool(str(path))
    writer.append({"note": "first"})
    before = path.read_bytes()
    real = spool.os.write
    monkeypatch.setattr(spool.os, "write", lambda fd, data: real(fd, data[:5]))
    with pytest.raises(OSError, match="full"):
        writer.append({"note": "second"})
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert writer.append({"note": "second"})["seq"] == 2
