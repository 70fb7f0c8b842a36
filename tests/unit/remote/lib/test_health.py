import datetime
import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.remote.lib import health

SECONDS = st.integers(-62135596800, 253402300799)  # the years 1 to 9999


def test_verdict():
    assert health.critical("No", "Do", runbook="agent-x", data={"a": 1}) == {
        "status": "critical",
        "message": "No",
        "remediation_hint": "Do",
        "runbook_url": "https://docs.stella-ops.org/runbooks/agent-x",
        "data": {"a": 1},
    }
    assert health.healthy("Yes")["runbook_url"] is None
    assert health.healthy("Yes")["data"] == {}


def test_missing_is_not_hidden():
    assert health.is_missing(OSError(errno.ENOENT, ""))
    assert health.is_missing(OSError(errno.ENOTDIR, ""))
    assert not health.is_missing(OSError(errno.EACCES, ""))


def test_huge_files_are_refused(tmp_path):
    path = tmp_path / "huge"
    with path.open("wb") as huge:
        huge.truncate(health.LONGEST_FILE + 1)
    with pytest.raises(OSError) as problem:
        health.read_bytes(str(path))
    assert problem.value.errno == errno.EFBIG


@given(st.binary(max_size=50))
def test_any_file_reads_as_text(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / f"any-{os.getpid()}"
    path.write_bytes(content)
    assert isinstance(health.read_text(str(path)), str)


def test_settings():
    config = {"resource_limits": {"disk_percent": 85, "memory_percent": "much", "cpu_percent": True}}
    assert health.percent_setting(config, "disk_percent") == 85
    for name in ("memory_percent", "cpu_percent", "unknown"):
        assert health.percent_setting(config, name) is None
    assert health.percent_setting({"resource_limits": 5}, "disk_percent") is None
    assert health.setting({"a": {"b": 1}}, "a", "b", "c") is None


@given(SECONDS)
def test_times_as_dotnet_and_as_iso(moment):
    known = datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(seconds=moment)
    assert health.iso(moment) == known.replace(tzinfo=None).isoformat() + "Z"
    assert health.universal(moment) == known.replace(tzinfo=None).isoformat(" ") + "Z"
    assert health.parse_time(health.iso(moment)) == moment
    assert health.parse_time(health.universal(moment)) == moment


@given(st.datetimes(min_value=datetime.datetime(1970, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_times_with_fraction_and_zone(moment, minutes):
    aware = moment.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=minutes)))
    assert health.parse_time(aware.isoformat()) == pytest.approx(aware.timestamp(), abs=1e-3)


@given(st.one_of(st.text(), st.integers(), st.none(), st.from_regex(health._TIME, fullmatch=True)))
def test_no_time_is_none(value):
    found = health.parse_time(value)
    assert found is None or isinstance(found, float)


@pytest.mark.parametrize(("number", "whole"), [(0, 0), (0.4, 0), (0.5, 1), (1.5, 2), (2.5, 3), (-0.5, -1), (6.99, 7)])
def test_whole(number, whole):
    assert health.whole(number) == whole


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (5 * 1024**3, "5.0 GiB"),
        (1024**4, "1.0 TiB"),
        (3000 * 1024**5, "3000.0 PiB"),
    ],
)
def test_size(count, text):
    assert health.size(count) == text


def test_percent():
    assert health.percent(1, 3) == 33.3
    assert health.percent(1, 0) == 0.0


@pytest.mark.parametrize("text", ["30s", "1h30m", "7d", "100ms"])
def test_seconds(text):
    assert health.seconds(text) > 0


@pytest.mark.parametrize("value", ["", "30", "s", "5 m", None, 30, [], "-5s"])
def test_no_duration(value):
    assert health.seconds(value) is None
