"""What pip is asked to install: requirements by name and version, compared with what is there.

Sources: PEP 440 (versions), PEP 503 (names), PEP 508 (requirements). pip itself decides what is installed; this is for
check mode, on hosts that have nothing but the standard library.
"""

import re

_VERSION = re.compile(
    r"^v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)"
    r"(?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>[0-9]*))?"
    r"(?P<post>-(?P<implied>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>[0-9]*))?"
    r"(?P<dev>[-_.]?dev[-_.]?(?P<dev_number>[0-9]*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$",
    re.IGNORECASE,
)
_PRE = {"alpha": "a", "a": "a", "beta": "b", "b": "b", "preview": "rc", "pre": "rc", "c": "rc", "rc": "rc"}
_REQUIREMENT = re.compile(r"^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*([^;@]*)(;.*)?$")
_CLAUSE = re.compile(r"^(===|==|~=|!=|<=|>=|<|>)\s*(\S+)$")


class Requirement(object):
    """One thing to install.

    Attributes:
        text: as pip is given it.
        name: the project's normalized name; None for a path or URL.
        clauses: pairs of operator and version.
    """

    def __init__(self, text):
        self.text = text.strip()
        self.name, self.clauses = None, []
        told = _REQUIREMENT.match(self.text)
        if told is None or "/" in self.text:
            return
        parts = [part.strip() for part in told.group(3).strip().strip("()").split(",") if part.strip()]
        clauses = [_CLAUSE.match(part) for part in parts]
        if all(clauses):
            self.name = normal(told.group(1))
            self.clauses = [(clause.group(1), clause.group(2)) for clause in clauses if clause]

    def is_met_by(self, version):
        """Whether an installed version will do."""
        return all(fits(version, operator, wanted) for operator, wanted in self.clauses)


def joined(names):
    """Requirements whose commas were taken for list separators, put together again."""
    whole = []
    for part in [piece for name in names for piece in name.split(",")]:
        begun = whole and whole[-1].count("[") > whole[-1].count("]")
        if whole and (begun or re.match(r"\s*[<>=!~]", part)):
            whole[-1] += "," + part
        elif part.strip():
            whole.append(part)
    return whole


def normal(name):
    """A project's name as it is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def key(version):
    """What versions are ordered by; None for what is none."""
    told = _VERSION.match(version.strip())
    if told is None:
        return None
    release = [int(part) for part in told.group("release").split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    pre = (_PRE[told.group("pre").lower()], int(told.group("pre_number") or 0)) if told.group("pre") else None
    post = int(told.group("implied") or told.group("post_number") or 0) if told.group("post") else None
    dev = int(told.group("dev_number") or 0) if told.group("dev") else None
    if pre is None:  # a development release alone comes before the first alpha
        pre = ("", 0) if post is None and dev is not None else ("z", 0)
    local = re.split(r"[-_.]", told.group("local").lower()) if told.group("local") else []
    local_key = [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in local]
    return (
        (
            int(told.group("epoch") or 0),
            release,
            pre,
            -1 if post is None else post,
            (1, 0) if dev is None else (0, dev),
        ),
        local_key,
    )


def fits(version, operator, wanted):
    """Whether a version is as one clause wants it."""
    if operator == "===":
        return version == wanted
    if wanted.endswith(".*"):
        same = _begins(version, wanted[:-2])
        return same if operator == "==" else not same
    ours, theirs = key(version), key(wanted)
    if ours is None or theirs is None:
        return operator == "==" and version == wanted
    public = ours[0]
    if operator == "==":
        return public == theirs[0] and (not theirs[1] or ours[1] == theirs[1])
    if operator == "!=":
        return not fits(version, "==", wanted)
    if operator == "~=":
        series = wanted.split("!")[-1].split(".")
        numbers = [part for part in series if part.isdigit()]
        return public >= theirs[0] and _begins(version, ".".join(numbers[:-1]))
    if operator == "<=":
        return public <= theirs[0]
    if operator == ">=":
        return public >= theirs[0]
    if operator == "<":
        return public < theirs[0] and (theirs[0][2] != ("z", 0) or public[:2] != theirs[0][:2])
    return public > theirs[0] and (theirs[0][3] >= 0 or public[:3] != theirs[0][:3])


def _begins(version, prefix):
    ours, theirs = _VERSION.match(version), _VERSION.match(prefix)
    if ours is None or theirs is None:
        return False
    length = len(theirs.group("release").split("."))
    release = ours.group("release").split(".")
    release += ["0"] * (length - len(release))
    same_epoch = int(ours.group("epoch") or 0) == int(theirs.group("epoch") or 0)
    return same_epoch and [int(p) for p in release[:length]] == [int(p) for p in theirs.group("release").split(".")]
