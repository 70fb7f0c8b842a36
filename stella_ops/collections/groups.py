"""Groups of actions for ``module_defaults``: ``group/ns.coll.name``, as ``meta/runtime.yml`` makes them."""

from __future__ import annotations

from collections.abc import Iterator

from stella_ops.collections.installed import Collections
from stella_ops.collections.reference import parse
from stella_ops.errors import CollectionError

# Those that ansible-core itself has: names without a collection, for groups of collections.
_BUILTIN = {
    "acme": ("community.crypto.acme",),
    "aws": ("amazon.aws.aws", "community.aws.aws"),
    "azure": ("azure.azcollection.azure",),
    "cpm": ("wti.remote.cpm",),
    "docker": ("community.general.docker", "community.docker.docker"),
    "gcp": ("google.cloud.gcp",),
    "k8s": (
        *("community.kubernetes.k8s", "community.general.k8s", "community.kubevirt.k8s"),
        *("community.okd.k8s", "kubernetes.core.k8s"),
    ),
    "os": ("openstack.cloud.os",),
    "ovirt": ("ovirt.ovirt.ovirt", "community.general.ovirt"),
    "vmware": ("community.vmware.vmware",),
}


def actions(collections: Collections, group: str) -> frozenset[str]:
    """The full names of a group's actions, those of groups it extends among them.

    Args:
        group: its name, behind ``group/``.

    Raises:
        CollectionError: there is no such group.
    """
    short = group.removeprefix("ansible.builtin.")
    if short in _BUILTIN:
        return frozenset(name for other in _BUILTIN[short] for name in _members(collections, other, set()))
    reference = parse(group)
    found = None if reference is None else collections.get(reference.collection)
    if reference is None or found is None or not {reference.inside, group} & set(found.runtime.groups):
        from stella_ops.collections.resolving import explain

        hint = explain(collections, "modules", group) if reference and found is None else None
        known = sorted(found.runtime.groups) if found else sorted(_BUILTIN)
        raise CollectionError(
            f"could not resolve the module_defaults group {group}",
            hint=hint or f"known: {', '.join(known) or 'none'}",
        )
    return frozenset(_members(collections, group, set()))


def _members(collections: Collections, group: str, passed: set[str]) -> Iterator[str]:
    reference = parse(group)
    found = None if reference is None else collections.get(reference.collection)
    if reference is None or found is None or group in passed:
        return
    passed.add(group)
    for entry in found.runtime.groups.get(reference.inside) or found.runtime.groups.get(group) or []:
        if isinstance(entry, str):
            yield _full(entry, found.name)
            continue
        about = entry.get("metadata") if isinstance(entry, dict) else None
        others = about.get("extend_group", []) if isinstance(about, dict) else []
        for other in [others] if isinstance(others, str) else others:
            yield from _members(collections, _full(str(other), found.name), passed)


def _full(name: str, collection: str) -> str:
    return name if parse(name) else f"{collection}.{name}"
