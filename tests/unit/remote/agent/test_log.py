import json
import os

from stella_ops.remote.agent.log import Log


def test_lines_are_json_with_time_level_and_event(tmp_path):
    log = Log(str(tmp_path / "agent.log"), echo=False)
    log.info("started", version="1.0")
    log.debug("hidden")
    log.level = "debug"
    log.debug("shown", odd=object)
    first, second = (json.loads(line) for line in (tmp_path / "agent.log").read_text().splitlines())
    assert (first["level"], first["event"], first["version"], first["pid"]) == ("info", "started", "1.0", os.getpid())
    assert second["event"] == "shown"


def test_text_when_configured(tmp_path):
    log = Log(str(tmp_path / "agent.log"), echo=False)
    log.form = "text"
    log.warning("degraded", reasons=["no ü"])
    line = (tmp_path / "agent.log").read_text()
    assert " WARNING degraded pid=" in line
    assert line.endswith('reasons=["no \\u00fc"]\n')


def test_two_writers_rotate_one_file_and_lose_nothing(tmp_path):
    path = tmp_path / "agent.log"
    writers = [Log(str(path), echo=False, max_bytes=2000, kept=50) for _ in range(2)]
    for number in range(200):
        writers[number % 2].info("tick", number=number)
    files = list(tmp_path.iterdir())
    assert len(files) > 3
    assert all(entry.stat().st_size <= 2000 for entry in files)
    numbers = [json.loads(line)["number"] for entry in files for line in entry.read_text().splitlines()]
    assert sorted(numbers) == list(range(200))


def test_rotation_is_bounded(tmp_path):
    log = Log(str(tmp_path / "agent.log"), echo=False, max_bytes=500, kept=2)
    for number in range(100):
        log.info("tick", number=number)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["agent.log", "agent.log.1", "agent.log.2"]


def test_goes_on_when_the_file_cannot_be_written(tmp_path):
    log = Log(str(tmp_path / "missing" / "agent.log"), echo=False)
    log.error("dropped")
    (tmp_path / "missing").mkdir()
    log.error("kept")
    assert "kept" in (tmp_path / "missing" / "agent.log").read_text()
