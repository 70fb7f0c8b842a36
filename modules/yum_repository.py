"""Have a repository in a file of /etc/yum.repos.d, for dnf and yum."""

import configparser
import io
import os

from stella_ops.remote.lib import atomic, files
from stella_ops.remote.lib.files import FILE_ATTRIBUTES

ARGUMENTS = {
    "name": {"type": "str", "required": True, "doc": "the repository's id"},
    "description": {"type": "str", "doc": "its name for people"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "file": {"type": "str", "doc": "name of the file, without .repo; default the repository's id"},
    "reposdir": {"type": "path", "default": "/etc/yum.repos.d", "doc": "folder of the file"},
    "baseurl": {"type": "list", "elements": "str", "doc": "URLs of the folder that holds repodata"},
    "gpgkey": {"type": "list", "elements": "str", "doc": "URLs of keys"},
    "exclude": {"type": "list", "elements": "str", "aliases": ["excludepkgs"], "doc": "packages not to be taken"},
    "includepkgs": {"type": "list", "elements": "str", "doc": "the only packages to be taken"},
    "failovermethod": {"type": "str", "choices": ["roundrobin", "priority"]},
    "http_caching": {"type": "str", "choices": ["all", "packages", "none"]},
    "ip_resolve": {"type": "str", "choices": ["4", "6", "IPv4", "IPv6", "whatever"]},
    "keepcache": {"type": "str", "choices": ["0", "1"]},
    "metadata_expire_filter": {
        "type": "str",
        "choices": ["never", "read-only:past", "read-only:present", "read-only:future"],
    },
    "bandwidth": {"type": "str"},
    "cost": {"type": "str"},
    "deltarpm_metadata_percentage": {"type": "str"},
    "deltarpm_percentage": {"type": "str"},
    "gpgcakey": {"type": "str"},
    "include": {"type": "str"},
    "metadata_expire": {"type": "str"},
    "metalink": {"type": "str"},
    "mirrorlist": {"type": "str"},
    "mirrorlist_expire": {"type": "str"},
    "priority": {"type": "str"},
    "proxy": {"type": "str"},
    "proxy_username": {"type": "str"},
    "retries": {"type": "str"},
    "throttle": {"type": "str"},
    "timeout": {"type": "str"},
    "ui_repoid_vars": {"type": "str"},
    "username": {"type": "str"},
    "async": {"type": "bool"},
    "countme": {"type": "bool"},
    "enabled": {"type": "bool"},
    "enablegroups": {"type": "bool"},
    "gpgcheck": {"type": "bool"},
    "module_hotfixes": {"type": "bool"},
    "keepalive": {"type": "bool"},
    "protect": {"type": "bool"},
    "repo_gpgcheck": {"type": "bool"},
    "s3_enabled": {"type": "bool"},
    "skip_if_unavailable": {"type": "bool"},
    "ssl_check_cert_permissions": {"type": "bool"},
    "password": {"type": "str", "no_log": True},
    "proxy_password": {"type": "str", "no_log": True},
    "sslcacert": {"type": "str", "aliases": ["ca_cert"]},
    "sslclientcert": {"type": "str", "aliases": ["client_cert"]},
    "sslclientkey": {"type": "str", "aliases": ["client_key"]},
    "sslverify": {"type": "bool", "aliases": ["validate_certs"]},
    **FILE_ATTRIBUTES,
}
_NOT_OPTIONS = (
    *("name", "description", "state", "file", "reposdir", "mode", "owner", "group", "attributes"),
    *("seuser", "serole", "setype", "selevel", "unsafe_writes"),
)
_JOINED = {"baseurl": "\n", "gpgkey": "\n", "exclude": " ", "includepkgs": " "}


def run(task):
    """Return repo, state and diff."""
    args = task.args
    if args["state"] == "present":
        if not (args["baseurl"] or args["mirrorlist"] or args["metalink"]):
            task.fail("state is present but any of the following are missing: baseurl, mirrorlist, metalink")
        if args["description"] is None:
            task.fail("state is present but all of the following are missing: description")
    if not os.path.isdir(args["reposdir"]):
        task.fail("Repo directory '{}' does not exist.".format(args["reposdir"]))
    path = os.path.join(args["reposdir"], (args["file"] or args["name"]) + ".repo")
    found = configparser.RawConfigParser()
    try:
        found.read(path)
    except (configparser.Error, UnicodeDecodeError) as error:
        task.fail("{} is no file of repositories: {}".format(path, error))
    before = shown(found)
    found.remove_section(args["name"])
    if args["state"] == "present":
        found.add_section(args["name"])
        for option, value in sorted(options(args).items()):
            found.set(args["name"], option, value)
    after = shown(found)
    changed = before != after
    if changed and not task.check_mode:
        save(task, path, found)
    if os.path.isfile(path):
        changed = files.set_attributes(path, files.wanted(task), task.check_mode) or changed
    result = {"changed": changed, "repo": args["name"], "state": args["state"]}
    result["diff"] = {"before_header": path, "before": before, "after_header": path, "after": after}
    return result


def options(args):
    """What is written of the arguments, as text."""
    found = {} if args["description"] is None else {"name": args["description"]}
    for name in sorted(set(args) - set(_NOT_OPTIONS)):
        value = args[name]
        if value is None:
            continue
        if isinstance(value, bool):
            value = str(int(value))
        elif name in _JOINED:
            value = _JOINED[name].join(value)
        found[name] = str(value)
    return found


def shown(found):
    """All repositories of a file, in alphabetical order."""
    text = ""
    for section in sorted(found.sections()):
        lines = ["{} = {}\n".format(name, value) for name, value in sorted(found.items(section))]
        text += "[{}]\n{}\n".format(section, "".join(lines))
    return text


def save(task, path, found):
    """Write the file, or remove one that holds nothing more."""
    if not found.sections():
        try:
            os.unlink(path)
        except OSError as error:
            task.fail("Cannot remove empty repo file {}.".format(path), details=error.strerror)
        return
    text = io.StringIO()
    found.write(text)
    with atomic.Replacement(path) as new:
        new.write(text.getvalue().encode("utf-8"))
        new.commit(files.wanted(task), in_place=task.args["unsafe_writes"])
