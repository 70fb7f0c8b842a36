"""Have a rule, a chain, or a chain's policy, in the kernel's packet filter (iptables, ip6tables).

What is changed lasts until the host boots; iptables-save(8) keeps it.
"""

import re

from stella_ops.remote.lib import programs, rules

ARGUMENTS = {
    "table": {"type": "str", "default": "filter", "choices": ["filter", "nat", "mangle", "raw", "security"]},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "action": {"type": "str", "default": "append", "choices": ["append", "insert"], "doc": "where a new rule goes"},
    "ip_version": {"type": "str", "default": "ipv4", "choices": ["ipv4", "ipv6", "both"]},
    "chain": {"type": "str", "doc": "INPUT, FORWARD, OUTPUT … or one of the user's"},
    "rule_num": {"type": "str", "doc": "the place at which a rule is inserted"},
    "protocol": {"type": "str", "doc": "tcp, udp, icmp … or a number; ! before it negates"},
    "wait": {"type": "str", "doc": "seconds to wait for xtables' lock"},
    "source": {"type": "str", "doc": "address, network or host name; ! before it negates"},
    "destination": {"type": "str", "doc": "address, network or host name; ! before it negates"},
    "to_source": {"type": "str", "doc": "address for SNAT"},
    "to_destination": {"type": "str", "doc": "address for DNAT"},
    "match": {"type": "list", "elements": "str", "default": [], "doc": "extensions to load"},
    "tcp_flags": {"type": "dict", "doc": "flags: those to look at; flags_set: those that have to be set"},
    "jump": {"type": "str", "doc": "the target: ACCEPT, DROP, a chain …"},
    "gateway": {"type": "str", "doc": "host that target TEE copies packets to"},
    "log_prefix": {"type": "str", "doc": "text before what target LOG logs"},
    "log_level": {
        "type": "str",
        "choices": [
            "0",
            "1",
            "2",
            "3",
            "4",
            "5",
            "6",
            "7",
            "emerg",
            "alert",
            "crit",
            "error",
            "warning",
            "notice",
            "info",
            "debug",
        ],
    },
    "goto": {"type": "str", "doc": "the chain in which it goes on"},
    "in_interface": {"type": "str"},
    "out_interface": {"type": "str"},
    "fragment": {"type": "str", "doc": "second and further fragments"},
    "set_counters": {"type": "str", "doc": "packets and bytes to begin with"},
    "source_port": {"type": "str", "doc": "port, or first:last"},
    "destination_port": {"type": "str", "doc": "port, or first:last"},
    "destination_ports": {"type": "list", "elements": "str", "default": []},
    "to_ports": {"type": "str", "doc": "ports for REDIRECT and MASQUERADE"},
    "set_dscp_mark": {"type": "str"},
    "set_dscp_mark_class": {"type": "str"},
    "comment": {"type": "str"},
    "ctstate": {"type": "list", "elements": "str", "default": [], "doc": "states of the connection"},
    "src_range": {"type": "str", "doc": "first-last address"},
    "dst_range": {"type": "str", "doc": "first-last address"},
    "match_set": {"type": "str", "doc": "name of a set of ipset(8)"},
    "match_set_flags": {
        "type": "str",
        "choices": ["src", "dst", "src,dst", "dst,src", "src,src", "dst,dst"],
    },
    "limit": {"type": "str", "doc": "rate, such as 5/s"},
    "limit_burst": {"type": "str"},
    "uid_owner": {"type": "str"},
    "gid_owner": {"type": "str"},
    "reject_with": {"type": "str"},
    "icmp_type": {"type": "str"},
    "syn": {"type": "str", "default": "ignore", "choices": ["ignore", "match", "negate"]},
    "flush": {"type": "bool", "default": False, "doc": "remove all rules of the chain, or of the table"},
    "policy": {"type": "str", "choices": ["ACCEPT", "DROP", "QUEUE", "RETURN"], "doc": "the chain's own verdict"},
    "chain_management": {"type": "bool", "default": False, "doc": "make or remove a chain when no rule is given"},
    "numeric": {"type": "bool", "default": False, "doc": "look up no names when chains are listed"},
}
PROGRAMS = {"ipv4": ["iptables"], "ipv6": ["ip6tables"], "both": ["iptables", "ip6tables"]}
ICMP = {"ipv4": "--icmp-type", "ipv6": "--icmpv6-type", "both": "--icmp-type --icmpv6-type"}


def run(task):
    """Return ip_version, table, chain, flush, rule, state, chain_management, wait."""
    args = task.args
    check_arguments(task)
    result = {"changed": False, "rule": " ".join(rule(args))}
    for name in ("ip_version", "table", "chain", "flush", "state", "chain_management", "wait"):
        result[name] = args[name]
    for name in PROGRAMS[args["ip_version"]]:
        program = programs.need(task, name, "install the package 'iptables'")
        if args["jump"] is None and (args["log_prefix"] or args["log_level"]):
            args["jump"] = "LOG"
        words = change(task, Filter(task, program), bool(result["rule"]))
        result["changed"] = result["changed"] or words is not None
        if words and not task.check_mode:
            programs.do(task, words)
    return result


def check_arguments(task):
    """Refuse what contradicts itself."""
    args = task.args
    rules.exclusive(task, "set_dscp_mark", "set_dscp_mark_class")
    if args["flush"] and args["policy"]:
        task.fail("parameters are mutually exclusive: flush|policy")
    for name in ("set_dscp_mark", "set_dscp_mark_class"):
        if args[name] is not None and args["jump"] is None:
            task.fail("missing parameter(s) required by '{}': jump".format(name))
    if (args["jump"] or "").lower() == "tee":
        rules.needed(task, "jump", args["jump"], "gateway")
    if not args["flush"]:
        rules.needed(task, "flush", False, "chain")
    if (args["log_prefix"] or args["log_level"]) and args["jump"] not in (None, "LOG"):
        task.fail("Logging options can only be used with the LOG jump target.")


def change(task, table, has_rule):
    """The words of the command that is still to be run; None for nothing, no words for a chain that is not managed."""
    args = task.args
    there = args["state"] == "present"
    if args["flush"]:
        return table.words("-F")
    if args["policy"]:
        policy = table.policy()
        if policy is None:
            task.fail("Can't detect current policy")
        return None if policy == args["policy"] else table.words("-P") + [args["policy"]]
    if not has_rule:
        if table.has_chain() == there:
            return None
        return table.words("-N" if there else "-X") if args["chain_management"] else []
    words = rule(args)
    if (programs.call(task, table.words("-C") + words).rc == 0) == there:
        return None
    if not there:
        return table.words("-D") + words
    return table.words("-I" if args["action"] == "insert" else "-A") + words


class Filter(object):
    """A table, as one of the two programs shows it."""

    def __init__(self, task, program):
        self.task, self.program = task, program
        version = re.search(r"v(\d+)\.(\d+)\.(\d+)", programs.do(task, [program, "--version"]).stdout)
        number = tuple(int(part) for part in version.groups()) if version else (1, 8, 0)
        # From 1.4.20 on it can wait for the lock, and from 1.6 on for so long.
        wait = task.args["wait"] if number >= (1, 4, 20) else None
        self.wait = (["-w"] + ([wait] if number >= (1, 6, 0) else [])) if wait else []

    def words(self, action):
        """The program with table, action and chain."""
        args = self.task.args
        words = [self.program, "-t", args["table"], action] + ([args["chain"]] if args["chain"] else [])
        if action == "-I" and args["rule_num"]:
            words.append(args["rule_num"])
        return words + self.wait

    def listed(self):
        """What -L says of the chain."""
        return programs.call(self.task, self.words("-L") + (["--numeric"] if self.task.args["numeric"] else []))

    def has_chain(self):
        """Whether it has the chain."""
        return self.listed().rc == 0

    def policy(self):
        """The chain's policy; None for a chain that has none."""
        said = self.listed()
        if said.rc != 0:
            self.task.fail(said.stderr.strip(), rc=said.rc, stderr=said.stderr)
        found = re.search(r"\(policy ([A-Z]+)\)", said.stdout.split("\n")[0])
        return found.group(1) if found else None


def rule(args):
    """A rule in iptables' own words."""
    words = []  # type: list[str]
    one(words, "-p", args["protocol"])
    one(words, "-s", args["source"])
    one(words, "-d", args["destination"])
    for name in args["match"]:
        one(words, "-m", name)
    flags = args["tcp_flags"] or {}
    if "flags" in flags and "flags_set" in flags:
        words += ["--tcp-flags", ",".join(flags["flags"]), ",".join(flags["flags_set"])]
    one(words, "-j", args["jump"])
    if (args["jump"] or "").lower() == "tee":
        one(words, "--gateway", args["gateway"])
    one(words, "--log-prefix", args["log_prefix"])
    one(words, "--log-level", args["log_level"])
    one(words, "--to-destination", args["to_destination"])
    if args["destination_ports"]:
        words += ["-m", "multiport", "--dports", ",".join(args["destination_ports"])]
    for flag, name in (
        *(("--to-source", "to_source"), ("-g", "goto"), ("-i", "in_interface"), ("-o", "out_interface")),
        *(("-f", "fragment"), ("-c", "set_counters"), ("--source-port", "source_port")),
        *(("--destination-port", "destination_port"), ("--to-ports", "to_ports")),
    ):
        one(words, flag, args[name])
    for flag, name in (("--set-dscp", "set_dscp_mark"), ("--set-dscp-class", "set_dscp_mark_class")):
        one(words, flag, args[name])
        if args[name] and (args["jump"] or "").lower() != "dscp":
            words += ["-j", "DSCP"]
    if args["syn"] != "ignore":
        words += ["--syn"] if args["syn"] == "match" else ["!", "--syn"]
    return words + of_extensions(args)


def of_extensions(args):
    """The part of a rule that stands after its extensions' names; those that ``match`` does not name are added."""
    words = []  # type: list[str]
    if "state" in args["match"] and "conntrack" not in args["match"]:
        words += ["--state", ",".join(args["ctstate"])] if args["ctstate"] else []
    elif args["ctstate"]:
        extension(words, args, "conntrack")
        words += ["--ctstate", ",".join(args["ctstate"])]
    if args["src_range"] or args["dst_range"]:
        extension(words, args, "iprange")
        one(words, "--src-range", args["src_range"])
        one(words, "--dst-range", args["dst_range"])
    if args["match_set"]:
        extension(words, args, "set")
        one(words, "--match-set", args["match_set"])
        words += [args["match_set_flags"]] if args["match_set_flags"] else []
    if args["limit"] or args["limit_burst"]:
        words += ["-m", "limit"]
        one(words, "--limit", args["limit"])
        one(words, "--limit-burst", args["limit_burst"])
    for name in ("uid_owner", "gid_owner"):
        if args[name]:
            words += ["-m", "owner"]
            one(words, "--" + name.replace("_", "-"), args[name])
    if args["jump"] is None and args["reject_with"]:
        words += ["-j", "REJECT"]
    one(words, "--reject-with", args["reject_with"])
    one(words, ICMP[args["ip_version"]], args["icmp_type"])
    if args["comment"]:
        words += ["-m", "comment"]
        one(words, "--comment", args["comment"])
    return words


def extension(words, args, name):
    """Load an extension that the task does not name itself."""
    if name not in args["match"]:
        words += ["-m", name]


def one(words, flag, value):
    """A flag and its value; ! before the value negates it."""
    if value:
        words += ["!", flag, value[1:]] if value[0] == "!" else [flag, value]
