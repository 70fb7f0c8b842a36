import threading
from pathlib import Path

from stella_ops.transport.known_hosts_file import append_line, drop_lines


def test_lines_of_a_place_go_but_those_with_keys_that_stay(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    text = "# web old\nweb a old comment\nweb a new\n[web]:22 a old\nweb,db a old\n@revoked web a old\nother a old"
    file.write_text(text)
    assert drop_lines(file, {"web": {"a new"}}) == 1
    assert file.read_text() == text.replace("web a old comment\n", "", 1)
    assert drop_lines(file, {"web": {"a new"}}) == 0
    assert drop_lines(tmp_path / "gone", {"web": set()}) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["known_hosts"]


def test_nothing_is_lost_when_lines_are_added_and_taken_out_at_once(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("".join(f"old{n} a x\n" for n in range(20)))
    jobs = [threading.Thread(target=append_line, args=(file, f"new{n} a y")) for n in range(20)]
    jobs += [threading.Thread(target=drop_lines, args=(file, {f"old{n}": set()})) for n in range(20)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert set(file.read_text().splitlines()) == {f"new{n} a y" for n in range(20)}
