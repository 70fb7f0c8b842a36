"""Gives a host's agent its identity: token, key and proof on the host, certificate from the fleet's authority."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stella_ops.actions._agent import AgentTarget, rpc, status, target, variable
from stella_ops.actions.base import ActionContext, ActionFailure, Result

if TYPE_CHECKING:
    from stella_ops.agents.fleet import Fleet

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "name": {"type": "str"},
    "environment": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "reissue": {"type": "bool", "default": False},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """An agent whose certificate is good keeps it. The token travels in the SSH channel alone.

    ``force`` gives it another certificate for its key, ``reissue`` a new key as well; its id stays. Certificates
    from before are valid until the agent is seen to run with the new one (``agent_health``).
    """
    fleet = context.the_fleet()
    agent = target(context, args)
    current = await status(context, agent.prefix)
    if current is None:
        if context.check:
            return {"changed": True, "msg": "the agent would be enrolled once it is installed"}
        # Ask again for the reason, which is the error to show.
        current = await rpc(context, agent.prefix, "status", {})
    reason = await fleet.call(_reason, fleet, current, agent)
    reissue = bool(args.get("reissue")) and bool(current.get("key"))
    if reissue:
        reason = reason or "a new key was asked for"
    if args.get("force"):
        reason = reason or "asked for"
    if reason is None:
        known = await fleet.call(fleet.registry.find, agent.name, agent.environment)
        expires = current["certificate"].get("not_after")
        agent_id = known.id if known else None
        return {"changed": False, "agent_id": agent_id, "certificate_expires_at": expires}
    if context.check:
        return {"changed": True, "reason": reason, "msg": f"would enrol: {reason}"}
    held = current.get("certificate")
    fingerprint = held.get("fingerprint_sha256") if isinstance(held, Mapping) else None
    return await _enrol(context, agent, reason, reissue, fingerprint)


async def _enrol(context: ActionContext, agent: AgentTarget, reason: str, reissue: bool, held: str | None) -> Result:
    """``held``: the fingerprint of the certificate that the host has until now."""
    fleet = context.the_fleet()
    service = await fleet.call(lambda: fleet.enrolment)
    address = variable(context, "ansible_host")
    labels = variable(context, "stella_labels")
    pending = await fleet.call(
        service.begin,
        agent.name,
        agent.environment,
        context.host,
        ansible_host=str(address) if address else None,
        labels={str(k): str(v) for k, v in labels.items()} if isinstance(labels, dict) else None,
        actor=fleet.actor,
    )
    context.keep_secret(pending.token)
    context.keep_secret(pending.token.partition(".")[2])
    proof = await rpc(context, agent.prefix, "csr", {**pending.csr_params(), "fresh": reissue})
    enrolment = await fleet.call(
        service.complete,
        proof,
        agent_id=pending.agent_id,
        name=agent.name,
        environment=agent.environment,
        actor=fleet.actor,
        other_hosts=_other_hosts(context),
    )
    identity = {"chain": enrolment.chain_pem, "ca": enrolment.ca_pem}
    issued = enrolment.certificate.fingerprint_sha256
    try:
        await rpc(context, agent.prefix, "install-identity", identity)
    except ActionFailure as failure:
        failure.result["certificate_fingerprint"] = issued  # it may be there all the same
        raise
    await fleet.call(_revoke_lost, fleet, enrolment.agent_id, {issued, held or issued})
    return {
        "changed": True,
        "reason": reason,
        "agent_id": enrolment.agent_id,
        "proof": proof.get("kind"),
        "certificate_fingerprint": issued,
        "certificate_expires_at": enrolment.certificate.not_after.isoformat().replace("+00:00", "Z"),
    }


def _reason(fleet: Fleet, status: Mapping[str, Any], agent: AgentTarget) -> str | None:
    from stella_ops.agents.held_identity import reason_to_enrol

    return reason_to_enrol(
        fleet.store, fleet.authority, status, name=agent.name, environment=agent.environment, now=fleet.clock()
    )


def _revoke_lost(fleet: Fleet, agent_id: str, kept: set[str]) -> None:
    from stella_ops.agents.superseding import revoke_lost

    revoke_lost(fleet.store, agent_id, kept, now=fleet.clock(), actor=fleet.actor)


def _other_hosts(context: ActionContext) -> frozenset[str]:
    """The inventory's hosts besides this one."""
    groups = context.variables.get("groups")
    everyone = groups.get("all", ()) if isinstance(groups, Mapping) else ()
    return frozenset(map(str, everyone)) - {context.host}
