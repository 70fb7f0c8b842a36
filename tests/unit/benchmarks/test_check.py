"""What a tool that did not do its work, or did it twice, is caught by."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# The benchmarks are no part of the installed package; they stand beside it in the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.works import ping, play
from benchmarks.works.check import HostCheck, pings_missing, render
from benchmarks.works.steps import COMMAND_LOG, Command, Copy, Directory, Line, Step, Template

STEPS = play.WORK.steps


def place(path: Path, content: bytes, mode: str) -> None:
    path.write_bytes(content)
    path.chmod(int(mode, 8))


def do(step: Step, root: Path) -> None:
    """Do a step as any tool should; what is right already is left alone."""
    match step:
        case Directory():
            (root / step.path).mkdir(exist_ok=True)
            (root / step.path).chmod(int(step.mode, 8))
        case Template():
            source = play.WORK.materials[step.source].decode()
            made = render(source, "lab1", platform.release()).encode()
            if not (root / step.path).exists():
                place(root / step.path, made, step.mode)
        case Copy():
            if not (root / step.path).exists():
                place(root / step.path, play.WORK.materials[step.source], step.mode)
        case Line():
            if not (root / step.path).exists():
                place(root / step.path, f"{step.text}\n".encode(), step.mode)
        case Command():
            with (root / COMMAND_LOG).open("a") as log:
                log.write(step.mark + "\n")


def do_all(root: Path) -> None:
    for step in STEPS:
        do(step, root)


def test_work_that_was_done_is_believed_twice(tmp_path: Path) -> None:
    check = HostCheck(play.WORK, "lab1", tmp_path)
    do_all(tmp_path)
    assert check.after_run() == []
    do_all(tmp_path)
    assert check.after_run() == []


def test_nothing_done_is_noticed_step_by_step(tmp_path: Path) -> None:
    problems = HostCheck(play.WORK, "lab1", tmp_path).after_run()
    looked_at = [step for step in STEPS if isinstance(step, Directory | Template | Copy | Line)]
    assert len(looked_at) == 14
    assert problems[:-1] == [f"lab1: {step.path} is missing" for step in looked_at]
    assert problems[-1] == "lab1: commands ran 0 times in all, not 5"


def spoil_mode(root: Path) -> None:
    (root / "d1").chmod(0o755)


def spoil_kind(root: Path) -> None:
    (root / "d4" / "service.conf").unlink()
    (root / "d4").rmdir()
    (root / "d4").touch(0o750)
    (root / "d4").chmod(0o750)


def spoil_template(root: Path) -> None:
    # The facts of another machine: facts were not gathered on this one.
    source = play.WORK.materials["service2.conf.j2"].decode()
    place(root / "d2/service.conf", render(source, "lab1", "1.2.3").encode(), "0640")


def spoil_copy(root: Path) -> None:
    path = root / "d0/payload.bin"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def spoil_log(root: Path) -> None:
    do(Command("command3"), root)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_mode, ["d1 has mode 0755, not 0750"]),
        (spoil_kind, ["d4 is no directory", "d4/service.conf is missing"]),
        (spoil_template, ["d2/service.conf has other content"]),
        (spoil_copy, ["d0/payload.bin has other content"]),
        (spoil_log, ["commands ran 6 times in all, not 5"]),
    ],
)
def test_work_done_badly_is_noticed(spoil: Callable[[Path], None], said: list[str], tmp_path: Path) -> None:
    do_all(tmp_path)
    spoil(tmp_path)
    assert HostCheck(play.WORK, "lab1", tmp_path).after_run() == [f"lab1: {line}" for line in said]


def test_a_file_written_again_without_need_is_noticed(tmp_path: Path) -> None:
    check = HostCheck(play.WORK, "lab1", tmp_path)
    do_all(tmp_path)
    check.after_run()
    (tmp_path / "d0/line").unlink()
    do_all(tmp_path)
    assert check.after_run() == ["lab1: d0/line was written again"]


def test_commands_left_out_the_second_time_are_noticed(tmp_path: Path) -> None:
    check = HostCheck(play.WORK, "lab1", tmp_path)
    do_all(tmp_path)
    check.after_run()
    assert check.after_run() == ["lab1: commands ran 5 times in all, not 10"]


def test_pings_are_counted() -> None:
    assert pings_missing(ping.WORK, "lab1 pong\nlab2 | ping: pong\n", 2) == []
    assert pings_missing(ping.WORK, "lab1 pong\nlab2 unreachable\n", 2) == ["1 hosts said pong, not 2"]
    assert pings_missing(play.WORK, "", 2) == []
