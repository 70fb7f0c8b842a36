"""Answer a question of a Debian package's before it asks, or show all answers.

Only debconf's database is changed; a package that is installed already reads it when it is reconfigured.
"""

from stella_ops.remote.lib import debian, rules
from stella_ops.remote.lib.task import CENSORED

ARGUMENTS = {
    "name": {"type": "str", "required": True, "aliases": ["pkg"], "doc": "package"},
    "question": {"type": "str", "aliases": ["selection", "setting"]},
    "vtype": {
        "type": "str",
        "choices": [
            "boolean",
            "error",
            "multiselect",
            "note",
            "password",
            "seen",
            "select",
            "string",
            "text",
            "title",
        ],
        "doc": "type of the answer",
    },
    "value": {"type": "raw", "untold": True, "aliases": ["answer"], "doc": "text; for multiselect also a list"},
    "unseen": {"type": "bool", "default": False, "doc": "do not count the question as asked"},
}


def run(task):
    """Return current, previous (when changed) and msg."""
    args = task.args
    name, question, kind = args["name"], args["question"], args["vtype"]
    rules.together(task, "question", "vtype", "value")
    before, seen = answers(task, name)
    if question is None:
        return {"changed": False, "msg": "", "current": before}
    wanted = text_of(task, kind, args["value"])
    for text in (name, question, wanted):
        if "\n" in text or "\r" in text:
            task.fail("an answer is one line: {}".format(CENSORED if kind == "password" else repr(text)))
    existing = before.get(question)
    if kind == "password" and existing is not None:
        existing = secret(task, name, question)
    elif kind == "seen":
        existing = "true" if question in seen else "false"
    if existing is not None and comparable(kind, existing) == comparable(kind, wanted):
        return {"changed": False, "msg": "", "current": before}
    said = ""
    if not task.check_mode:
        words = [debian.program("debconf-set-selections")] + (["-u"] if args["unseen"] else [])
        line = " ".join([name, question, kind, wanted]) + "\n"
        outcome = debian.run(words, stdin=line.encode("utf-8"))
        if outcome.rc != 0:
            fail(task, outcome.stderr)
        said = outcome.stdout
    shown = CENSORED if kind == "password" else wanted
    # A question that was not there is shown among all that were.
    previous = {question: before[question]} if question in before else dict(before, **{question: ""})
    result = {"changed": True, "msg": said, "current": {question: shown}, "previous": previous}
    result["diff"] = {"before": previous, "after": dict(previous, **{question: shown})} if task.diff_mode else {}
    return result


def text_of(task, kind, value):
    """An answer as debconf takes it."""
    if isinstance(value, list):
        if kind != "multiselect":
            task.fail("a list answers a multiselect question alone, not one of type {}".format(kind))
        return ", ".join(str(each) for each in value)
    if isinstance(value, dict):
        task.fail("value must be text")
    text = str(value)
    return text.lower() if kind in ("boolean", "seen") else text


def comparable(kind, answer):
    """What two answers are compared by."""
    if kind == "multiselect":
        return sorted(part.strip() for part in answer.split(","))
    return answer.lower() if kind == "boolean" else answer


def answers(task, name):
    """Answers of a package by question, and the questions that were asked (debconf-show(1))."""
    said = debian.run([debian.program("debconf-show"), name])
    if said.rc != 0:
        fail(task, said.stderr)
    found, seen = {}, set()
    for line in said.stdout.splitlines():
        question, colon, answer = line.partition(":")
        if colon:
            found[question.strip("* ")] = answer.strip()
            if question.startswith("*"):
                seen.add(question.strip("* "))
    return found, seen


def secret(task, name, question):
    """A password's answer, which debconf-show does not tell (debconf-communicate(1))."""
    line = "GET {}\n".format(question)
    said = debian.run([debian.program("debconf-communicate"), name], stdin=line.encode("utf-8"))
    code, _, answer = said.stdout.strip("\n").partition(" ")
    return answer if said.rc == 0 and code == "0" else None


def fail(task, stderr):
    """Fail with debconf's words."""
    hint = debian.hint_for(stderr)
    if hint is None and "locked by another process" in stderr:
        hint = "another program asks questions now; wait for it"
    if hint is None and ("as root" in stderr or "inaccessible" in stderr or "not readable" in stderr):
        hint = "this needs root: set become: true"
    task.fail(stderr.strip() or "debconf failed", **({"hint": hint} if hint else {}))
