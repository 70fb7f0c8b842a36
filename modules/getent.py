"""Look up entries of the host's databases (passwd, group, hosts, services …) as facts."""

from stella_ops.remote.lib import programs

ARGUMENTS = {
    "database": {"type": "str", "required": True, "doc": "passwd, group, shadow, hosts, services …: getent(1)"},
    "key": {"type": "str", "doc": "one entry; all of them when it is left out"},
    "service": {"type": "str", "doc": "the one source to ask, as nsswitch.conf(5) names them"},
    "split": {"type": "str", "doc": "what parts an entry's fields; ':' for the colon databases, else blanks"},
    "fail_key": {"type": "bool", "default": True, "doc": "fail when the key is not there; else the fact is null"},
}
COLON = ("passwd", "shadow", "group", "gshadow")
REASONS = {
    1: "Missing arguments, or database unknown.",
    2: "One or more supplied key could not be found in the database.",
    3: "Enumeration not supported on this database.",
}


def run(task):
    """Return the fact ``getent_DATABASE``: each entry's other fields by its first."""
    args = task.args
    database, split = args["database"], args["split"]
    if split is None and database in COLON:
        split = ":"
    words = [programs.need(task, "getent"), database]
    words += [args["key"]] if args["key"] is not None else []
    words += ["-s", args["service"]] if args["service"] is not None else []
    said = programs.call(task, words)
    fact = "getent_" + database
    if said.rc == 2 and not args["fail_key"]:
        return {"changed": False, "ansible_facts": {fact: {args["key"]: None}}, "msg": REASONS[2]}
    if said.rc != 0:
        task.fail(REASONS.get(said.rc, "Unexpected failure!"))
    return {"changed": False, "ansible_facts": {fact: table(said.stdout, split)}}


def table(text, split):
    """Entries by their first field; where it comes several times, a list of entries."""
    found = {}
    several = set()
    for line in text.splitlines():
        fields = line.split(split)
        if not fields:
            continue
        name, rest = fields[0], fields[1:]
        if name not in found:
            found[name] = rest
        elif name in several:
            found[name].append(rest)
        else:
            found[name] = [found[name], rest]
            several.add(name)
    return found
