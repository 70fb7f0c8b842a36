"""``mount_facts`` and the tables it reads, those of other systems too."""

from __future__ import annotations

from typing import Any

import pytest

from stella_ops.remote.lib import mount_tables

FSTAB = """# A comment
UUID=0a0a0a0a-0000-4000-8000-000000000000 /mnt/a\\040b ext4 defaults 0 2
tmpfs /mnt/t tmpfs size=1m
server:/share /mnt/t nfs ro 0 0
"""


def test_entries_of_a_file(host: Any) -> None:
    (host.folder / "fstab").write_text(FSTAB)
    table = str(host.folder / "fstab")
    result = host("mount_facts", sources=[table], include_aggregate_mounts=True)
    assert result["changed"] is result["failed"] is False, result
    facts = result["ansible_facts"]
    assert list(facts["mount_points"]) == ["/mnt/a b", "/mnt/t"]
    first = facts["mount_points"]["/mnt/a b"]
    assert (first["uuid"], first["fstype"], first["dump"], first["passno"]) == (
        *("0a0a0a0a-0000-4000-8000-000000000000", "ext4", 0, 2),
    )
    assert first["ansible_context"] == {"source": table, "source_data": FSTAB.splitlines()[1]}
    assert [entry["fstype"] for entry in facts["aggregate_mounts"]] == ["ext4", "tmpfs", "nfs"]
    assert "passno" not in facts["mount_points"]["/mnt/t"]


def test_patterns_and_repeats(host: Any) -> None:
    (host.folder / "fstab").write_text(FSTAB)
    (host.folder / "link").symlink_to(host.folder / "fstab")
    tables = [str(host.folder / "fstab"), str(host.folder / "link")]
    result = host("mount_facts", sources=tables, devices=["*:*", "tmpfs"])
    assert list(result["ansible_facts"]["mount_points"]) == ["/mnt/t"]
    assert result["ansible_facts"]["aggregate_mounts"] == []
    assert "ignoring repeat mounts" in result["warnings"][0]
    result = host("mount_facts", sources=tables, fstypes=["nf*"])
    assert result["ansible_facts"]["mount_points"]["/mnt/t"]["device"] == "server:/share"


def test_what_is_mounted_now(host: Any) -> None:
    for wanted in ({}, {"sources": ["mount"]}, {"sources": ["/proc/mounts"], "timeout": 30}):
        points = host("mount_facts", fstypes=["proc"], **wanted)["ansible_facts"]["mount_points"]
        assert points["/proc"]["device"] == "proc" and points["/proc"]["block_size"] > 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"sources": [""]}, "empty string"),
        ({"timeout": -1}, "positive number"),
        ({"mount_binary": [1]}, "string or null"),
    ],
)
def test_what_cannot_be(host: Any, args: dict[str, Any], message: str) -> None:
    result = host("mount_facts", **args)
    assert result["failed"] and message in result["msg"]


@pytest.mark.parametrize(
    ("text", "device", "more"),
    [
        ("/dev/dsk/c0 /dev/rdsk/c0 /u ufs 2 yes logging\n", "/dev/dsk/c0", {"mount_at_boot": "yes", "passno": 2}),
        ("- - /p proc - no -\n", "-", {"passno": "-", "fstype": "proc"}),
        ("rpool /u zfs rw,dev=1 1700000000\n", "rpool", {"time": 1700000000}),
        ("/u:\n\tdev = /dev/hd1\n\tnodename = far\n\tvfs = jfs2\n", "far:/dev/hd1", {"fstype": "jfs2"}),
    ],
)
def test_tables_of_other_systems(tmp_path: Any, text: str, device: str, more: dict[str, Any]) -> None:
    (tmp_path / "table").write_text(text)
    [entry] = mount_tables.of_file(str(tmp_path / "table"))
    assert entry.fields["device"] == device
    assert more.items() <= entry.fields.items()


def test_no_table_at_all(tmp_path: Any) -> None:
    (tmp_path / "filesystems").write_text("nodev\tsysfs\n\text4\n")
    assert mount_tables.of_file(str(tmp_path / "filesystems")) == mount_tables.of_file(str(tmp_path / "nothere")) == []


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("/dev/sda1 on / type ext4 (rw)\n", {"device": "/dev/sda1", "mount": "/", "fstype": "ext4", "options": "rw"}),
        (
            "map x on /h (autofs)\n/dev/d1 on / (apfs, local)\n",
            {"device": "/dev/d1", "fstype": "apfs", "options": "local"},
        ),
        ("  node  mounted\n------\n  /dev/hd4  /  jfs2  Nov 01 10:00  rw\n", {"device": "/dev/hd4", "fstype": "jfs2"}),
    ],
)
def test_what_programs_list(text: str, fields: dict[str, str]) -> None:
    [entry] = mount_tables.of_program(text)
    assert fields.items() <= entry.fields.items()
