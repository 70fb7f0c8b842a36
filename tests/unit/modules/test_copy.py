from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import random
import socket
import stat
import struct
import subprocess
import threading
import zlib
from pathlib import Path

import pytest

from stella_ops.remote.lib import partial
from stella_ops.transport import delta

TEXT = b"one\ntwo\n"
UNKNOWN_USER = "chown failed: failed to look up user no-such-user"


@functools.cache
def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def told(data: bytes) -> dict[str, object]:
    """What the controller says of content before it streams it."""
    return {"_content_sha256": sha256(data), "_content_size": len(data)}


def test_result_has_the_keys_of_ansible_core(host):
    dest = host.folder / "f"
    result = host("copy", dest=str(dest), content=TEXT, mode="0640")
    assert dest.read_bytes() == TEXT
    found = dest.stat()
    assert result == {
        "changed": True,
        "failed": False,
        "dest": str(dest),
        "checksum": hashlib.sha1(TEXT).hexdigest(),
        "sha256": sha256(TEXT),
        "size": len(TEXT),
        "state": "file",
        "mode": "0640",
        "uid": found.st_uid,
        "gid": found.st_gid,
        "owner": dest.owner(),
        "group": dest.group(),
    }


def test_content_is_asked_for_only_when_the_host_has_it_not(host):
    dest = host.folder / "f"
    asked = host("copy", dest=str(dest), **told(TEXT))
    assert asked["need_content"] is True
    assert asked["changed"] is False
    assert not dest.exists()
    assert host("copy", dest=str(dest), content=TEXT, **told(TEXT))["changed"] is True
    again = host("copy", dest=str(dest), **told(TEXT))
    assert again["changed"] is False
    assert "need_content" not in again
    assert again["checksum"] == hashlib.sha1(TEXT).hexdigest()
    assert host("copy", dest=str(dest), mode="0600", **told(TEXT))["changed"] is True
    assert mode(dest) == 0o600


def test_the_same_content_without_a_hash_beforehand_changes_nothing(host):
    dest = host.folder / "f"
    dest.write_bytes(TEXT)
    before = dest.stat()
    assert host("copy", dest=str(dest), content=TEXT)["changed"] is False
    assert dest.stat().st_ino == before.st_ino
    assert os.listdir(host.folder) == ["f"]


def test_damaged_content_is_refused(host):
    dest = host.folder / "f"
    dest.write_bytes(b"old")
    result = host("copy", dest=str(dest), content=TEXT + b"!", _content_sha256=sha256(TEXT))
    assert "arrived damaged" in result["msg"]
    assert dest.read_bytes() == b"old"
    assert os.listdir(host.folder) == ["f"]


def test_a_new_file_follows_the_umask_and_an_old_one_keeps_its_mode(host):
    dest = host.folder / "f"
    host("copy", dest=str(dest), content=b"1", umask=0o027)
    assert mode(dest) == 0o640
    dest.chmod(0o604)
    host("copy", dest=str(dest), content=b"2")
    assert mode(dest) == 0o604
    host("copy", dest=str(dest), content=b"3", mode="u+x")
    assert mode(dest) == 0o704


def test_owner_is_kept_and_set(host, as_root):
    dest = host.folder / "f"
    dest.write_bytes(b"1")
    os.chown(dest, 1234, 2345)
    dest.chmod(0o6755)
    host("copy", dest=str(dest), content=b"2")
    assert (dest.stat().st_uid, dest.stat().st_gid, mode(dest)) == (1234, 2345, 0o6755)
    result = host("copy", dest=str(dest), content=b"2", owner="4321", group="0")
    assert result["changed"] is True
    assert (result["uid"], result["gid"], result["owner"]) == (4321, 0, "4321")
    result = host("copy", dest=str(dest), content=b"3", owner="root")
    assert result["owner"] == "root"


def test_without_root_an_owner_that_cannot_be_kept_is_told(host, as_root, open_folder):
    open_folder.chmod(0o777)
    dest = open_folder / "f"
    dest.write_bytes(b"1")
    dest.chmod(0o4755)
    result = host("copy", dest=str(dest), content=b"2", uid=65534)
    assert result["changed"] is True
    assert dest.stat().st_uid == 65534
    assert mode(dest) == 0o755, "a set-user-id bit must not move to another user"
    assert "could not keep" in result["warnings"][0]


def test_extended_attributes_are_kept(host):
    dest = host.folder / "f"
    dest.write_bytes(b"1")
    try:
        os.setxattr(dest, "user.note", b"mine")
    except OSError as error:
        pytest.skip(f"this filesystem has no extended attributes: {error}")
    host("copy", dest=str(dest), content=b"2")
    assert os.getxattr(dest, "user.note") == b"mine"


def test_an_unknown_owner_fails_but_in_check_mode_only_where_the_file_is_there(host):
    dest = host.folder / "f"
    result = host("copy", dest=str(dest), content=b"1", owner="no-such-user")
    assert result["msg"] == UNKNOWN_USER
    assert not dest.exists()
    result = host("copy", dest=str(dest), content=b"1", owner="no-such-user", check=True)
    assert result["changed"] is True
    assert result["failed"] is False
    dest.write_bytes(b"0")
    result = host("copy", dest=str(dest), content=b"1", owner="no-such-user", check=True)
    assert result["msg"] == UNKNOWN_USER


@pytest.mark.parametrize("dest", ["folder", "folder/"])
def test_into_a_folder_under_the_name_of_the_source(host, dest):
    (host.folder / "folder").mkdir()
    result = host("copy", dest=f"{host.folder}/{dest}", content=TEXT, _source_name="some/where/name.conf")
    assert result["dest"] == f"{host.folder}/folder/name.conf"
    assert (host.folder / "folder/name.conf").read_bytes() == TEXT


def test_a_missing_folder_is_an_error_unless_dest_ends_with_a_slash(host):
    result = host("copy", dest=f"{host.folder}/a/b/f", content=TEXT)
    assert "does not exist" in result["msg"]
    assert not (host.folder / "a").exists()
    host("copy", dest=f"{host.folder}/a/b/", content=TEXT, _source_name="f", directory_mode="0711")
    assert (host.folder / "a/b/f").read_bytes() == TEXT
    assert mode(host.folder / "a") == mode(host.folder / "a/b") == 0o711
    host("copy", dest=f"{host.folder}/c/f", content=TEXT, _make_parents=True)
    assert (host.folder / "c/f").read_bytes() == TEXT


def test_a_link_is_replaced_or_followed(host):
    real, link = host.folder / "real", host.folder / "link"
    real.write_bytes(b"old")
    link.symlink_to("real")
    result = host("copy", dest=str(link), content=b"new", follow=True)
    assert result["dest"] == str(real)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    host("copy", dest=str(link), content=b"newer")
    assert not link.is_symlink()
    assert (link.read_bytes(), real.read_bytes()) == (b"newer", b"new")


def test_what_is_no_file_is_not_replaced(host):
    address = str(host.folder / "socket")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        assert "device, pipe or socket" in host("copy", dest=address, content=TEXT)["msg"]
    (host.folder / "folder").mkdir()
    said = host("copy", dest=str(host.folder / "folder"), content=TEXT)["msg"]
    assert "can not use content with a dir as dest" in said


def test_force_false_leaves_what_is_there(host):
    dest = host.folder / "f"
    dest.write_bytes(b"mine")
    result = host("copy", dest=str(dest), content=TEXT, force=False, mode="0600")
    assert result["changed"] is False
    assert dest.read_bytes() == b"mine"


def test_backup_keeps_content_and_attributes(host):
    dest = host.folder / "f"
    dest.write_bytes(b"old")
    dest.chmod(0o600)
    result = host("copy", dest=str(dest), content=b"new", backup=True)
    kept = Path(result["backup_file"])
    assert kept.parent == host.folder
    assert (kept.read_bytes(), mode(kept)) == (b"old", 0o600)
    assert "backup_file" not in host("copy", dest=str(dest), content=b"new", backup=True)


def test_validate(host):
    dest = host.folder / "f"
    dest.write_bytes(b"old")
    refused = host("copy", dest=str(dest), content=b"bad", validate="grep -c good %s")
    assert refused["failed"] is True
    assert (refused["exit_status"], refused["stdout"]) == (1, "0\n")
    assert dest.read_bytes() == b"old"
    assert host("copy", dest=str(dest), content=b"good", validate="grep -c good %s")["changed"] is True
    assert dest.read_bytes() == b"good"
    assert "%s" in host("copy", dest=str(dest), content=b"x", validate="true")["msg"]
    assert os.listdir(host.folder) == ["f"]


def test_check_mode_foretells_and_touches_nothing(host):
    dest = host.folder / "f"
    assert host("copy", dest=str(dest), check=True, **told(TEXT))["changed"] is True
    assert not dest.exists()
    assert "need_content" in host("copy", dest=str(dest), check=True, diff=True, **told(TEXT))
    result = host("copy", dest=str(dest), content=TEXT, check=True, diff=True, **told(TEXT))
    assert result["diff"][0]["after"] == TEXT.decode()
    dest.write_bytes(TEXT)
    assert host("copy", dest=str(dest), content=TEXT, check=True)["changed"] is False
    assert host("copy", dest=str(dest), content=TEXT, mode="0604", check=True)["changed"] is True
    assert mode(dest) == 0o644
    assert host("copy", dest=f"{host.folder}/later/f", check=True, **told(TEXT))["changed"] is True


def test_diff(host):
    dest = host.folder / "f"
    dest.write_bytes(b"old\n")
    result = host("copy", dest=str(dest), content="ünï\n".encode(), diff=True, _source_name="f.j2")
    assert result["diff"] == [
        {"before": "old\n", "after": "ünï\n", "before_header": str(dest), "after_header": "f.j2"},
    ]
    result = host("copy", dest=str(dest), content=b"\0\1", diff=True)
    assert result["diff"][0]["after"] == "(binary, 2 bytes, not shown)\n"
    result = host("copy", dest=str(dest), content=b"a" * 200_000, diff=True)
    assert result["diff"][0]["after"] == "(longer than 102400 bytes, not shown)\n"
    result = host("copy", dest=str(dest), content=b"a" * 200_000, mode="0600", diff=True)
    assert result["diff"]["before"] == {"path": str(dest), "mode": "0644"}
    assert result["diff"]["after"]["mode"] == "0600"


def test_large_content(host):
    data = os.urandom(5_000_001)
    dest = host.folder / "f"
    assert host("copy", dest=str(dest), content=data, **told(data))["size"] == len(data)
    assert dest.read_bytes() == data


def test_a_file_that_grows_too_large_leaves_nothing(host):
    dest = host.folder / "f"
    dest.write_bytes(b"old")
    result = host("copy", dest=str(dest), content=b"x" * 100_000, file_limit=50_000)
    assert "cannot write" in result["msg"]
    assert "exception" not in result
    assert dest.read_bytes() == b"old"
    assert os.listdir(host.folder) == ["f"]


@pytest.fixture
def small_disk(tmp_path, as_root):
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no filesystem can be mounted here: {mounted.stderr.decode()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_a_clear_failure_and_leaves_nothing(host, small_disk):
    dest = small_disk / "f"
    dest.write_bytes(b"old")
    result = host("copy", dest=str(dest), content=b"x" * 100_000)
    assert result["failed"] is True
    assert "No space left on device" in result["msg"]
    assert "are free" in result["msg"]
    assert dest.read_bytes() == b"old"
    assert os.listdir(small_disk) == ["f"]


def test_a_mount_point_is_overwritten_only_when_allowed(host, as_root):
    dest, behind = host.folder / "f", host.folder / "behind"
    dest.write_bytes(b"")
    behind.write_bytes(b"old, and longer")
    if subprocess.run(["mount", "--bind", str(behind), str(dest)], capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        result = host("copy", dest=str(dest), content=b"new")
        assert "unsafe_writes" in result["msg"]
        assert behind.read_bytes() == b"old, and longer"
        assert host("copy", dest=str(dest), content=b"new", unsafe_writes=True)["changed"] is True
        assert behind.read_bytes() == b"new"
        assert sorted(os.listdir(host.folder)) == ["behind", "f"]
    finally:
        subprocess.run(["umount", str(dest)], check=True)


def test_a_reader_never_sees_a_part(host):
    dest = host.folder / "f"
    versions = [bytes([letter]) * 300_000 for letter in b"abcdef"]
    dest.write_bytes(versions[0])
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(dest.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for data in versions[1:]:
            assert host("copy", dest=str(dest), content=data)["changed"] is True
    finally:
        done.set()
        reader.join()
    assert seen <= set(versions)


def test_remote_src_copies_a_file_of_the_host(host):
    src, dest = host.folder / "src", host.folder / "dest"
    src.write_bytes(TEXT)
    src.chmod(0o751)
    result = host("copy", src=str(src), dest=str(dest), remote_src=True, mode="preserve")
    assert (result["changed"], result["src"]) == (True, str(src))
    assert (dest.read_bytes(), mode(dest)) == (TEXT, 0o751)
    assert host("copy", src=str(src), dest=str(dest), remote_src=True)["changed"] is False
    assert host("copy", src=str(src), dest=str(src), remote_src=True)["changed"] is False
    missing = host("copy", src=str(host.folder / "none"), dest=str(dest), remote_src=True)
    assert missing["msg"].endswith("/none not found")
    endless = host("copy", src="/dev/zero", dest=str(dest), remote_src=True)
    assert endless["msg"] == "Cannot copy invalid source '/dev/zero': not a file"


@pytest.mark.parametrize(("src", "below"), [("tree", "out/tree"), ("tree/", "out")])
def test_remote_src_copies_a_folder(host, src, below):
    tree = host.folder / "tree"
    (tree / "deep/er").mkdir(parents=True)
    (tree / "deep/file").write_bytes(TEXT)
    (tree / "link").symlink_to("deep/file")
    args = {"src": f"{host.folder}/{src}", "dest": f"{host.folder}/out", "remote_src": True}
    assert host("copy", check=True, **args)["changed"] is True
    assert not (host.folder / "out").exists()
    assert host("copy", **args)["changed"] is True
    out = host.folder / below
    assert (out / "deep/file").read_bytes() == TEXT
    assert (out / "deep/er").is_dir()
    assert os.readlink(out / "link") == "deep/file"
    assert host("copy", **args)["changed"] is False


def test_a_folder_is_not_copied_into_itself(host):
    (host.folder / "tree").mkdir()
    result = host("copy", src=f"{host.folder}/tree", dest=f"{host.folder}/tree", remote_src=True)
    assert "lies inside" in result["msg"]


def test_a_folder_that_cannot_be_written_names_the_cause(host, as_root, open_folder):
    result = host("copy", dest=str(open_folder / "f"), content=TEXT, uid=65534)
    assert result["msg"].endswith(" not writable")


def test_mode_of_a_missing_quote(host):
    result = host("copy", dest=str(host.folder / "f"), content=TEXT, mode=644)
    assert 'write "0644" with quotes' in result["_hint"]
    assert not (host.folder / "f").exists()


# -- large content: what the host has of it already


BIG = random.Random(1).randbytes(9 << 20)


def part_of(dest: Path) -> Path:
    return Path(partial.path_for(str(dest)))


def leave_part(dest: Path, data: bytes) -> Path:
    """As an attempt that was cut leaves it."""
    part_of(dest).write_bytes(data)
    part_of(dest).chmod(0o600)
    return part_of(dest)


def test_a_part_that_arrived_is_told_and_gone_on_from(host):
    dest = host.folder / "f"
    leave_part(dest, BIG[:5_000_000])
    asked = host("copy", dest=str(dest), **told(BIG))
    assert asked["content"] == {"packed": True, "have": {"size": 5_000_000, "sha256": sha256(BIG[:5_000_000])}}
    how = {"start": 5_000_000, "packed": False, "plan": None}
    result = host("copy", dest=str(dest), content=BIG[5_000_000:], _content_stream=how, mode="0644", **told(BIG))
    assert (result["changed"], result["size"], result["sha256"]) == (True, len(BIG), sha256(BIG))
    assert dest.read_bytes() == BIG
    assert os.listdir(host.folder) == ["f"]


def test_a_part_that_is_cut_short_again_is_kept(host):
    dest = host.folder / "f"
    result = host("copy", dest=str(dest), content=BIG[:6_000_000], **told(BIG))
    assert "arrived damaged" in result["msg"]
    assert part_of(dest).read_bytes() == BIG[:6_000_000]
    assert mode(part_of(dest)) == 0o600
    assert host("copy", dest=str(dest), **told(BIG))["content"]["have"]["size"] == 6_000_000


def test_whole_content_that_is_wrong_leaves_no_part(host):
    dest = host.folder / "f"
    assert host("copy", dest=str(dest), content=BIG[:-1] + b"?", **told(BIG))["failed"]
    assert os.listdir(host.folder) == []


@pytest.mark.parametrize("start", [5_000_000, 8_000_000])
def test_a_part_that_is_not_what_was_told_is_asked_for_anew(host, start):
    dest = host.folder / "f"
    leave_part(dest, BIG[:4_999_999] + b"???")
    how = {"start": start, "packed": False, "plan": None}
    result = host("copy", dest=str(dest), content=BIG[start:], _content_stream=how, **told(BIG))
    assert result["need_content"] is True
    assert "content" not in result
    host("copy", dest=str(dest), content=BIG, **told(BIG))
    assert dest.read_bytes() == BIG
    assert os.listdir(host.folder) == ["f"]


@pytest.mark.parametrize("other", [b"small", BIG[::-1]])
def test_the_part_of_another_content_is_removed(host, other):
    dest = host.folder / "f"
    leave_part(dest, BIG[:1000])
    host("copy", dest=str(dest), content=other, **told(other))
    assert os.listdir(host.folder) == ["f"]


@pytest.mark.parametrize("kind", ["link", "second name", "open to others", "pipe", "another user's"])
def test_what_somebody_put_in_the_parts_place_is_not_used(host, as_root, kind):
    dest, bait = host.folder / "f", host.folder / "bait"
    bait.write_bytes(BIG[:1000])
    bait.chmod(0o600)
    place = part_of(dest)
    if kind == "link":
        place.symlink_to(bait)
    elif kind == "second name":
        os.link(bait, place)
    elif kind == "pipe":
        os.mkfifo(place, 0o600)
    else:
        leave_part(dest, BIG[:1000])
        os.chmod(place, 0o666 if kind == "open to others" else 0o600)
        os.chown(place, 1234 if kind == "another user's" else 0, 0)
    assert host("copy", dest=str(dest), **told(BIG))["content"] == {"packed": True}
    how = {"start": 1000, "packed": False, "plan": None}
    assert host("copy", dest=str(dest), content=BIG[1000:], _content_stream=how, **told(BIG))["need_content"]
    assert host("copy", dest=str(dest), content=BIG, **told(BIG))["changed"] is True
    assert dest.read_bytes() == BIG
    assert bait.read_bytes() == BIG[:1000]
    assert sorted(os.listdir(host.folder)) == ["bait", "f"]


def test_a_part_that_another_process_is_writing_is_left_to_it(host):
    dest = host.folder / "f"
    place = leave_part(dest, BIG[:1000])
    with place.open("rb") as taken:
        fcntl.flock(taken, fcntl.LOCK_EX)
        assert host("copy", dest=str(dest), content=BIG, **told(BIG))["changed"] is True
    assert dest.read_bytes() == BIG
    assert place.read_bytes() == BIG[:1000]


def test_the_old_file_is_described_and_used(host):
    dest = host.folder / "f"
    dest.write_bytes(BIG)
    new = b"new" + BIG
    asked = host("copy", dest=str(dest), **told(new))
    blocks = delta.Blocks.read(asked["content"]["blocks"])
    plan = delta.find(blocks, lambda at, size: new[at : at + size], len(new))
    content = b"".join(new[:length] if at == delta.SENT and length < 100 else b"" for at, length in plan)
    tail = len(new) - sum(length for at, length in plan[:-1]) if plan[-1][0] == delta.SENT else 0
    how = {"start": 0, "packed": False, "plan": plan}
    sent = content + (new[-tail:] if tail > 100 else b"")
    result = host("copy", dest=str(dest), content=sent, _content_stream=how, **told(new))
    assert result["changed"] is True
    assert dest.read_bytes() == new
    assert os.listdir(host.folder) == ["f"]


def test_an_old_file_that_has_changed_meanwhile_is_not_used(host):
    dest = host.folder / "f"
    dest.write_bytes(BIG[::-1])
    how = {"start": 0, "packed": False, "plan": [[0, len(BIG)]]}
    result = host("copy", dest=str(dest), content=b"", _content_stream=how, **told(BIG))
    assert result["need_content"] is True
    dest.write_bytes(BIG[:100])
    assert host("copy", dest=str(dest), content=b"", _content_stream=how, **told(BIG))["need_content"] is True
    assert os.listdir(host.folder) == ["f"]


def test_compressed_chunks(host):
    dest = host.folder / "f"
    text = b"all the same\n" * 100_000
    first, second = zlib.compress(text[:1048576], 1), text[1048576:]
    content = struct.pack(">BI", 1, len(first)) + first + struct.pack(">BI", 0, len(second)) + second
    how = {"start": 0, "packed": True, "plan": None}
    assert host("copy", dest=str(dest), content=content, _content_stream=how, **told(text))["changed"] is True
    assert dest.read_bytes() == text
    for damaged in (content[:-1], content[:3], b"\7" + content[1:], content[:50] + b"???" + content[53:]):
        result = host("copy", dest=str(host.folder / "g"), content=damaged, _content_stream=how, **told(text))
        assert result["failed"] is True
        assert "exception" not in result
    assert os.listdir(host.folder) == ["f"]


def test_a_checksum_that_does_not_match(host):
    dest = host.folder / "f"
    known = {**told(TEXT), "_content_sha1": hashlib.sha1(TEXT, usedforsecurity=False).hexdigest()}
    wrong = host("copy", dest=str(dest), content=TEXT, checksum="0" * 40, **known)
    assert wrong["msg"] == "Copied file does not match the expected checksum. Transfer failed."
    assert (wrong["expected_checksum"], dest.exists()) == ("0" * 40, False)
    dest.write_bytes(TEXT)  # nothing is to be copied
    assert host("copy", dest=str(dest), content=TEXT, checksum="0" * 40, **known)["changed"] is False
