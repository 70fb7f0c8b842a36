"""Symbolic modes against chmod(1) of coreutils, on real files."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stella_ops.remote.lib import modes

change = st.tuples(
    st.sampled_from("+-="),
    st.text("rwxXst", max_size=4) | st.sampled_from("ugo"),
).map("".join)
clause = st.tuples(st.text("ugoa", max_size=3), st.lists(change, min_size=1, max_size=3).map("".join)).map("".join)
octal_change = st.tuples(st.sampled_from("+-="), st.integers(0, 0o7777).map("{:o}".format)).map("".join)
symbolic = st.lists(clause | octal_change, min_size=1, max_size=3).map(",".join)
bits = st.integers(0, 0o7777)


@pytest.fixture
def targets(tmp_path):
    (tmp_path / "f").touch()
    (tmp_path / "d").mkdir()
    yield {False: tmp_path / "f", True: tmp_path / "d"}
    (tmp_path / "d").chmod(0o700)


@pytest.fixture
def odd_umask():
    old = os.umask(0o027)
    yield
    os.umask(old)


def chmod(mode, path):
    return subprocess.run(["chmod", "--", mode, str(path)], capture_output=True, text=True)


@pytest.mark.skipif(
    os.getuid() != 0 and shutil.which("chmod") is None, reason="chmod of coreutils is what is compared with"
)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(mode=symbolic, start=bits, is_directory=st.booleans())
def test_symbolic_modes_are_those_of_chmod(targets, odd_umask, mode, start, is_directory):
    path = targets[is_directory]
    path.chmod(start)
    start = stat.S_IMODE(path.stat().st_mode)  # without root, some bits do not stay
    told = chmod(mode, path)
    # Status 1 with a "new permissions" text is chmod's way to say that the umask had a part in it.
    assert "invalid mode" not in told.stderr
    assert modes.resolve(mode, start, is_directory) == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "mode", ["", "z", "u", "u=rw g=r", "u=rw,", "rwxr-xr-x", "u=rwz", "u+ug", "8", "0888", "10000", "u=7", "a+"]
)
def test_what_chmod_refuses_is_refused_and_nothing_else(tmp_path, mode):
    (tmp_path / "f").touch()
    refused = chmod(mode, tmp_path / "f").returncode != 0
    if refused:
        with pytest.raises(modes.ModeError, match="mode"):
            modes.resolve(mode, 0o644, False)
    else:
        modes.resolve(mode, 0o644, False)


@given(bits)
def test_numbers_are_exact_whatever_was_there(number):
    for text in (f"{number:o}", f"0{number:o}", f"0o{number:o}"):
        assert modes.resolve(text, 0o2755, True) == number
    assert modes.resolve(modes.show(number), 0, False) == number


@pytest.mark.parametrize(
    ("number", "expected"), [(420, 0o644), (493, 0o755), (0o4755, 0o4755), (0o2755, 0o2755), (0, 0)]
)
def test_yaml_octals_arrive_as_numbers(number, expected):
    assert modes.resolve(number, 0, False) == expected


@pytest.mark.parametrize("number", [644, 755, 600, 1777, 2755, 4755, -1, 0o10000])
def test_numbers_that_lost_their_quotes_are_refused(number):
    with pytest.raises(modes.ModeError):
        modes.resolve(number, 0, False)


@pytest.mark.parametrize("mode", [True, None, ["0644"], 1.5])
def test_what_is_no_mode_at_all(mode):
    with pytest.raises(modes.ModeError, match="must be text like"):
        modes.resolve(mode, 0, False)
