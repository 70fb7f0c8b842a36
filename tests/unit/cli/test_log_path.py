"""``log_path``: what runs print goes to a file as well."""

from __future__ import annotations

import re
import stat
from typing import Any

SECRET = "blueberry-muffin"

PLAY = f"""
- hosts: all
  gather_facts: false
  tasks:
    - command: echo {SECRET}
      no_log: true
    - debug: {{msg: shown}}
    - fail: {{msg: enough}}
"""
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} p=\d+ u=\S+ n=stella-ops (INFO|WARNING|ERROR)\| ")


def test_what_is_printed_is_logged(project: Any) -> None:
    project.write("play.yml", PLAY)
    project.write("ansible.cfg", "[defaults]\nlog_path = run.log\n")
    for _ in range(2):
        project.run("play", "-i", "localhost,", "-c", "local", "play.yml", "-v", expect=2)
    log = project.folder / "run.log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    text = log.read_text()
    assert text.count("TASK [debug]") == text.count("PLAY RECAP") == 2
    assert text.count('"msg": "enough"') == 2 and SECRET not in text
    for line in text.splitlines():
        assert LINE.match(line) or line.startswith((" ", "}", "localhost ", "[ERROR]: ", "Origin: ")) or not line, line


def test_a_log_that_cannot_be_written_is_told_before_anything_runs(project: Any) -> None:
    project.write("play.yml", "- hosts: all\n  gather_facts: false\n  tasks: [{command: touch ran}]\n")
    env = {"ANSIBLE_LOG_PATH": str(project.folder)}
    done = project.run("play", "-i", "localhost,", "-c", "local", "play.yml", env=env)
    assert done.returncode == 2 and "cannot write to the log file" in done.stderr and "Traceback" not in done.stderr
    assert not (project.folder / "ran").exists()
