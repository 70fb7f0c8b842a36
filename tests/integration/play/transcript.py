"""What a run printed, in a form in which two runs (and two programs) can be compared.

Left out is what may differ without a difference in what happened: the stars of headlines, the order in which
hosts end a task, folders, and of results shown after ``=>`` every key that no rule of the language sets. What
stella-ops prints beyond ansible-core (hints, ``task path:`` after a failure) is left out too, and so is what
ansible-core 2.19 prints beyond it: the block of source above a failure, and a headline (one a host) for each meta
task.
"""

from __future__ import annotations

import json
import re

# Keys that mean the same whatever module made them. Texts of modules differ between programs: a case that is
# about ``msg`` says so (``keys: [msg]``).
KEYS = ("changed", "rc", "stdout", "item", "censored", "attempts", "failed_when_result", "skip_reason", "evaluated_to")

_HOST_LINE = re.compile(
    r"^(?:ok|changed|skipping|fatal|failed|FAILED - RETRYING): \[(?P<host>[^\] ]+)(?: -> [^\]]+)?\]"
)
# ansible-core names the hosts as their results come in.
_INCLUDED = re.compile(r"^(included: .* for )([\w.-]+(?:, [\w.-]+)+)(?= => |$)")
_OWN_WORDS = re.compile(r"^(?:  hint: |task path: )")


def normalize(stdout: str, work: str, keys: tuple[str, ...] = KEYS) -> str:
    """The comparable form of a play's standard output.

    Args:
        work: the folder the run took place in, written as ``WORK``.
        keys: of results, what is kept.
    """
    lines = [_INCLUDED.sub(_in_order, line.rstrip()) for line in stdout.replace(work, "WORK").split("\n")]
    lines = _results([line for line in _without_source_blocks(lines) if not _OWN_WORDS.match(line)], keys)
    blocks: list[list[str]] = [[]]
    for line in lines:
        banner = re.fullmatch(r"((?:PLAY|TASK|RUNNING HANDLER|NO MORE HOSTS LEFT)\b.*?) ?\*{3,}", line)
        if banner and blocks[-1] != [banner[1]]:  # ansible-core says some of them twice
            blocks.append([banner[1]])
        elif line and not banner:
            blocks[-1].append(line)
    kept = [block for block in blocks if block and not re.fullmatch(r"TASK \[(.* : )?meta\]", block[0])]
    return "\n\n".join("\n".join(_by_host(block)) for block in kept) + "\n"


def without_order(comparable: str) -> list[list[str]]:
    """What ``normalize`` made, task by task, the lines of each sorted."""
    return [[block[0], *sorted(block[1:])] for block in (text.split("\n") for text in comparable.split("\n\n"))]


def _in_order(found: re.Match[str]) -> str:
    return found[1] + ", ".join(sorted(found[2].split(", ")))


def _without_source_blocks(lines: list[str]) -> list[str]:
    """The lines without ansible-core's ``[ERROR]: …`` with its lines of source, up to the host's own line."""
    made: list[str] = []
    inside = False
    for line in lines:
        if line.startswith("[ERROR]: "):
            inside = True
        elif inside and _HOST_LINE.match(line):
            inside = False
        if not inside:
            made.append(line)
    return made


def _results(lines: list[str], keys: tuple[str, ...]) -> list[str]:
    """Every result after ``=>`` on one line, with the keys that are kept."""
    made: list[str] = []
    waiting = iter(lines)
    for line in waiting:
        head, arrow, rest = line.partition(" => {")
        if not arrow:
            made.append(line)
            continue
        text = "{" + rest
        loud = not rest
        while loud and (line := next(waiting, "}")) != "}":
            text += line
        if loud:
            text += "}"
        try:
            result = json.loads(text)
        except ValueError:
            made.append(f"{head} => {text}")
            continue
        # What is shown over several lines is what the action exists to show: all of it counts.
        kept = result if loud else {name: result[name] for name in keys if name in result}
        made.append(f"{head} => {json.dumps(kept, sort_keys=True, ensure_ascii=False)}")
    return made


def _by_host(block: list[str]) -> list[str]:
    """The lines below a headline, those of one host together, hosts by name."""
    if not _is_task(block[0]):
        return _listed_hosts(block)
    groups: list[tuple[str, list[str]]] = []
    before: list[str] = []
    for line in block[1:]:
        found = _HOST_LINE.match(line)
        if found:
            groups.append((found["host"], [*before, line]))
            before = []
        elif line == "...ignoring" and groups:
            groups[-1][1].append(line)
        else:
            before.append(line)
    groups.sort(key=lambda group: group[0])
    return [block[0], *(line for _, lines in groups for line in lines), *before]


def _listed_hosts(block: list[str]) -> list[str]:
    """``--list-hosts`` of ansible-core has the hosts in any order."""
    made: list[str] = []
    for line in block:
        if re.fullmatch(r"      \S+", line):
            place = len(made)
            while place and re.fullmatch(r"      \S+", made[place - 1]) and made[place - 1] > line:
                place -= 1
            made.insert(place, line)
        else:
            made.append(line)
    return made


def _is_task(line: str) -> bool:
    return line.startswith(("TASK", "RUNNING HANDLER"))
