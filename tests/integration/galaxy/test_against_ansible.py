"""Archives that stella-ops builds are those of ansible-galaxy, and the other way round."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OURS = [str(Path(sys.executable).with_name("stella-ops")), "galaxy", "collection"]


def test_archives_go_both_ways(tmp_path: Path, peer_bin: Path) -> None:
    theirs = [str(peer_bin / "ansible-galaxy"), "collection"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "HOME": str(tmp_path / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "far"),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(*OURS, "init", "acme.tools")
    module = tmp_path / "acme" / "tools" / "plugins" / "modules" / "note.py"
    module.parent.mkdir()
    module.write_text("# a module\n")
    (module.parent / "link.py").symlink_to("note.py")
    run(*OURS, "build", "acme/tools", "--output-path", "ours")
    run(*theirs, "build", "acme/tools", "--output-path", "theirs")
    archives = {name: tmp_path / name / "acme-tools-1.0.0.tar.gz" for name in ("ours", "theirs")}
    for builder, tool, checker in (("ours", theirs, OURS), ("theirs", OURS, theirs)):
        said = run(*tool, "install", str(archives[builder]), "--force")
        assert "acme.tools:1.0.0 was installed successfully" in said
        assert "Successfully verified" in run(*checker, "verify", "--offline", "acme.tools")
        place = tmp_path / "far" / "ansible_collections" / "acme" / "tools"
        assert (place / "plugins" / "modules" / "link.py").read_text() == "# a module\n"
