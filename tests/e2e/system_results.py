"""What modules return on real hosts, and what ansible-core's return there: recorded, and compared key by key.

    python tests/e2e/system_results.py --peer VENV/bin/ansible-playbook --theirs INVENTORY --ours INVENTORY
        [--record] NAME...
    python tests/e2e/system_results.py --ours INVENTORY [--record] NAME...

runs the playbooks ``system_results/NAME.yml`` with both programs, each on hosts of its own (fresh ones, made by
``stella-ops lab up --kind systemd --release ...``), prints every key in which results differ, and with ``--record``
writes what is expected to ``system_results/NAME.json``. What differs on purpose stands there with both values.
The second form takes what is recorded of ansible-core. ``test_system_results.py`` then needs no ansible-core.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("system_results")

# What is another at every run, what only one of both programs says, and what is there twice.
LEFT_OUT = frozenset(
    {
        *("start", "end", "delta", "elapsed", "atime", "mtime", "ctime", "birthtime", "inode", "dev", "blocks"),
        *("invocation", "warnings", "deprecations", "exception", "hint", "stdout_lines", "stderr_lines", "diff_lines"),
        *("cache_update_time", "version", "sha256", "_ansible_no_log", "_ansible_verbose_always", "failed_when_result"),
        *("_ansible_item_label", "_ansible_verbose_override", "attempts", "ansible_loop_var", "skip_reason"),
        *("module_stdout", "module_stderr", "false_condition", "size", "ansible_facts_cacheable", "nlink"),
    }
)
# Made anew each time, so that it counts only that they are there.
PRESENT = frozenset({"backup_file", "backup", "ssh_public_key", "ssh_fingerprint", "msg_of_program"})
# Where the text of programs is passed through, its words are theirs, not the module's.
TEXTS = frozenset({"stdout", "stderr"})
PROGRAM_TEXT = frozenset({"apt", "pip", "package", "git", "subversion", "unarchive"})
# Keys that say how a task ended, so that they may not be there alone.
COUNTING = frozenset({"changed", "failed", "skipped", "unreachable", "all"})
# Facts whose inner names do not depend on the machine.
NAMED = frozenset(
    {
        *(
            "ansible_python",
            "ansible_date_time",
            "ansible_lsb",
            "ansible_apparmor",
            "ansible_selinux",
            "ansible_systemd",
        ),
        *("ansible_memory_mb", "ansible_default_ipv4"),
    }
)
# Of a unit's hundreds of properties, those that say what became of it.
UNIT = ("LoadState", "ActiveState", "SubState", "UnitFileState", "Id", "FragmentPath")


def kinds(facts: dict[str, Any]) -> dict[str, Any]:
    """Of facts, whose values are another at every look: each name with the type of its value, or the names in it."""
    return {name: sorted(value) if name in NAMED else type(value).__name__ for name, value in facts.items()}


def comparable(action: str, value: Any, key: str = "") -> Any:
    """A result in the form in which two can be compared."""
    if isinstance(value, dict):
        if action == "setup" and key == "ansible_facts":
            return kinds(value)
        if key == "status" and "LoadState" in value:
            value = {name: value[name] for name in UNIT if name in value}
        made = {}
        for name, item in sorted(value.items()):
            if name in LEFT_OUT or (name in TEXTS and action in PROGRAM_TEXT):
                continue
            if action in {"copy", "file"} and name in {"src", "diff"}:
                continue  # these two are shown in forms of each program's own
            if name == "cmd" and action != "expect":
                continue
            if name in {"failed", "skipped"} and item is False:
                continue
            made[name] = "(present)" if name in PRESENT and item else comparable(action, item, name)
        return made
    if isinstance(value, list):
        return [comparable(action, item) for item in value]
    if isinstance(value, str):
        value = value.strip() if key == "msg" else value
        value = re.sub(r"\|1\|[\w+/=]+\|[\w+/=]+", "HASHED", value)
        # The day on which a password was changed, as shadow(5) has it and as chage(1) tells it.
        value = re.sub(r"(?<=:)2\d{4}(?=:\d*:\d*:\d*:)", "TODAY", value)
        value = re.sub(r"(?<=Last password change)(\s*: )\w+ \d+, \d+", r"\1TODAY", value)
        value = re.sub(r"/tmp/crontab\w+", "TEMPORARY", value)
        value = re.sub(r"/tmp/[\w.-]*(?:tmp|ansible|stella)[\w.-]*", "TEMPORARY", value)
        return re.sub(r"(?i)\bansible-moduletmp\S*", "TEMPORARY", value)
    return value


def by_place(lines: Iterable[tuple[str, str, str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Results (place, action, host, result) put together by task, in the order of the playbook.

    Hosts that agree are written once, as ``all``.
    """
    tasks: dict[str, dict[str, Any]] = {}
    for place, action, host, result in lines:
        short = action.rpartition(".")[2]
        entry = tasks.setdefault(place, {"action": short, "hosts": {}})
        entry["hosts"][host] = comparable(short, result)
    made = []
    for place in sorted(tasks, key=lambda text: int(text.split(":")[0])):
        entry = tasks[place]
        if entry["action"] in {"assert", "debug", "set_fact", "meta", "pause"}:
            continue
        results = list(entry["hosts"].values())
        if len(results) > 1 and all(result == results[0] for result in results):
            entry["hosts"] = {"all": results[0]}
        made.append(entry)
    return made


def of_events(text: str) -> list[dict[str, Any]]:
    """What ``stella-ops play --output json`` printed, by task."""
    places: dict[int, tuple[str, str]] = {}
    found = []
    for line in text.splitlines():
        event = json.loads(line)
        if event["event"] == "TaskStarted":
            places[event["task_id"]] = (event["origin"].rpartition("/")[2].partition(":")[2], event["action"])
        elif event["event"] == "HostFinished" and event["task_id"] in places:
            place, action = places[event["task_id"]]
            result = event["result"]
            if event["status"] in {"failed", "ignored", "rescued"}:
                result = {**result, "failed": True}
            if event["status"] == "skipped":
                result = {**result, "skipped": True}
            found.append((place, action, event["host"], result))
    return by_place(found)


def run_peer(program: str, playbook: Path, inventory: Path, *more: str) -> list[dict[str, Any]]:
    """Run a playbook with ansible-core."""
    with tempfile.TemporaryDirectory() as work:
        results = Path(work) / "results"
        environment = {
            **os.environ,
            "RESULTS_FILE": str(results),
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("peer_callback")),
            "ANSIBLE_STDOUT_CALLBACK": "results",
            "ANSIBLE_HOME": work,
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            "LC_ALL": "C.UTF-8",
        }
        command = [program, "-i", str(inventory), str(playbook), *more]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or os.environ.get("SHOW"):
            print(f"{playbook.name}: ansible-core ends with {done.returncode}\n{done.stdout}{done.stderr}")
        lines = [json.loads(line) for line in results.read_text().splitlines()]
    return by_place((line["place"].rpartition(":")[2], line["action"], line["host"], line["result"]) for line in lines)


def run_ours(playbook: Path, inventory: Path, *more: str) -> list[dict[str, Any]]:
    """Run a playbook with stella-ops."""
    with tempfile.TemporaryDirectory() as work:
        command = [str(Path(sys.executable).with_name("stella-ops")), "play", "--output", "json"]
        environment = {**os.environ, "STELLA_HOME": f"{work}/.stella", "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3"}
        done = subprocess.run(
            [*command, "-i", str(inventory), str(playbook), *more],
            env=environment,
            cwd=work,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        print(f"{playbook.name}: stella-ops ends with {done.returncode}\n{done.stderr}")
    return of_events(done.stdout)


def differences(theirs: Any, ours: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """(path, theirs, ours) of every value that is another; ``(absent)`` where there is none.

    A key that only stella-ops returns is none, unless it says how the task ended.
    """
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = []
        for name in sorted({*theirs, *ours}):
            if name not in theirs and name not in COUNTING:
                continue
            there, here = theirs.get(name, "(absent)"), ours.get(name, "(absent)")
            found += differences(there, here, f"{place}.{name}" if place else name)
        return found
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        pairs = enumerate(zip(theirs, ours, strict=True))
        return [one for number, (there, here) in pairs for one in differences(there, here, f"{place}[{number}]")]
    return [] if theirs == ours else [(place, theirs, ours)]


def per_host(entry: dict[str, Any], hosts: Iterable[str]) -> dict[str, Any]:
    """A task's results by host, written out."""
    return {host: entry["hosts"].get(host, entry["hosts"].get("all", {})) for host in hosts}


def recorded(name: str) -> list[dict[str, Any]]:
    """What was recorded of ansible-core's results, brought to today's form."""
    tasks = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return by_place(
        (f"{number}:", task["action"], host, result)
        for number, task in enumerate(tasks)
        for host, result in task["hosts"].items()
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="ansible-playbook; without it, what is recorded of it is taken")
    parser.add_argument("--theirs", type=Path, help="inventory of hosts for ansible-core")
    parser.add_argument("--ours", required=True, type=Path, help="inventory of hosts for stella-ops")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--limit", default="all", help="hosts to look at; what is recorded is of all")
    parser.add_argument("names", nargs="+")
    options = parser.parse_args()
    different = 0
    for name in options.names:
        playbook = FOLDER / f"{name}.yml"
        if options.peer:
            theirs = run_peer(options.peer, playbook, options.theirs, "--limit", options.limit)
        else:
            theirs = recorded(name)
        ours = run_ours(playbook, options.ours, "--limit", options.limit)
        kept = []
        print(f"=== {name}: {len(theirs)} tasks there, {len(ours)} here")
        for number, (there, here) in enumerate(zip(theirs, ours, strict=False)):
            names = sorted({*there["hosts"], *here["hosts"]} - {"all"}) or ["all"]
            found = differences(per_host(there, names), per_host(here, names))
            different += len(found)
            kept.append(there if not found else {**there, "ours": here["hosts"]})
            for path, their, our in found:
                print(f"{number} {there['action']} {path}\n    theirs: {their!r}\n    ours:   {our!r}")
        if options.record:
            text = json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False)
            (FOLDER / f"{name}.json").write_text(text + "\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
