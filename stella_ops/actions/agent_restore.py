"""Brings a host and the fleet store back to what ``agent_checkpoint`` noted, after a bootstrap that failed."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Mapping
from typing import Any

from stella_ops.actions._agent import AgentTarget, rpc, status, target
from stella_ops.actions.base import ActionContext, ActionFailure, Result
from stella_ops.errors import StellaError, UnreachableError

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "name": {"type": "str"},
    "environment": {"type": "str"},
    "checkpoint": {"type": "dict", "required": True},
    "enrolment": {"type": "dict"},
    "failure": {"type": "dict"},
}

# As ``fail``: a host that is as it was before goes on with the block from its start.
GIVES_UP = True
AS_BEFORE = "the host is as it was before"
_END = "-----END CERTIFICATE-----"
# Seconds that an agent which ran before has to give a heartbeat again.
_WAIT = 15.0


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Return ``changed``, ``actions`` and ``left``: what was done, and sentences about what could not be.

    ``enrolment`` is what ``agent_enroll`` returned since, if it was run. A host that has got another certificate
    meanwhile than from there is another agent's by now (two inventory names may lead to it), and left alone.

    With ``failure`` (the result that led here) the task then ends as failed itself, with the message and hint from
    there and what has become of the host. Under check mode nothing is restored: nothing was changed.
    """
    failure = args.get("failure")
    if context.check:
        return _end({"changed": False, "actions": [], "left": []}, failure, "nothing was changed, in check mode")
    issued = (args.get("enrolment") or {}).get("certificate_fingerprint")
    restore = _Restore(context, target(context, args), args["checkpoint"], issued, _reason(failure))
    result = await restore.carry_out()
    if not result["left"]:
        return _end(result, failure, AS_BEFORE)
    if failure is None:
        raise ActionFailure("not all could be brought back: " + "; ".join(result["left"]), **result)
    left = "; ".join(result["left"])
    return _end(result, failure, f"the host could not be brought back to what it was: {left}")


def _reason(failure: Any) -> str:
    """What went wrong, in one line."""
    said = str(failure.get("msg") or "") if isinstance(failure, Mapping) else ""
    return said.strip().replace("\n", " ") or "the bootstrap failed"


def _end(result: Result, failure: Any, state: str) -> Result:
    if failure is None:
        return result
    hint = failure.get("hint") if isinstance(failure, Mapping) else None
    ended: Result = {**result, "failed": True, "msg": f"{_reason(failure)} ({state})", "reason": _reason(failure)}
    return {**ended, "_hint": str(hint)} if hint else ended


def _fingerprint(on_host: Mapping[str, Any]) -> str | None:
    """The fingerprint of the certificate that a checkpoint holds; hex SHA-256 of the first one's DER form."""
    contents = on_host.get("contents")
    for path, content in contents.items() if isinstance(contents, Mapping) else ():
        if str(path).endswith("/identity/agent.crt"):
            try:
                pem = base64.b64decode(content).decode("ascii")
                first = pem[: pem.index(_END) + len(_END)]
                return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
            except (ValueError, TypeError):
                return None
    return None


class _Restore:
    """One host's way back.

    Args:
        checkpoint: what ``agent_checkpoint`` returned.
        issued: the fingerprint of the certificate that was issued to the agent since, if any.
        reason: why, in one line.
    """

    def __init__(
        self,
        context: ActionContext,
        agent: AgentTarget,
        checkpoint: Mapping[str, Any],
        issued: str | None,
        reason: str,
    ) -> None:
        self._context = context
        self._agent = agent
        self._on_host: Mapping[str, Any] | None = checkpoint.get("on_host")
        self._in_store: Mapping[str, Any] | None = checkpoint.get("in_store")
        self._issued = issued
        self._reason = str(context.scrub(reason))
        self._actions: list[str] = []
        self._left: list[str] = []
        self._restart = False
        self._identity = True

    async def carry_out(self) -> Result:
        """Host first, then store: what the host holds stays valid until the host is known not to hold it any more."""
        if self._in_store is None:
            raise ActionFailure("there is no checkpoint to go back to", _hint="agent_checkpoint takes one; register it")
        held = await self._held() if self._on_host is not None else None
        if self._on_host is not None and held not in (None, self._issued, _fingerprint(self._on_host)):
            fleet = self._context.the_fleet()
            service = await fleet.call(lambda: fleet.undoing)
            holder = await fleet.call(service.holder, held)
            self._left.append(f"agent '{holder or 'of another fleet'}' has come there meanwhile, and keeps the host")
            await self._store(held)
            return self._result()
        # Once the agent has shown the fleet that it runs with its new certificate, the earlier one is void.
        keep = await self._is_superseded()
        if self._on_host is not None and not await self._host(self._on_host, keep):
            # What the host has now must stay valid: it may be all that it has.
            return self._result()
        if keep:
            self._left.append("its certificate from before is revoked, as it ran with the new one: it keeps that")
        await self._store(held or self._issued if keep or not self._identity else None)
        if self._on_host is not None and self._on_host.get("running"):
            await self._visit()
        return self._result()

    async def _held(self) -> str | None:
        """The fingerprint of the certificate that is on the host now, when the agent there can be asked."""
        current = await status(self._context, self._agent.prefix)
        held = (current or {}).get("certificate")
        fingerprint = held.get("fingerprint_sha256") if isinstance(held, Mapping) else None
        return fingerprint if isinstance(fingerprint, str) else None

    def _result(self) -> Result:
        return {"changed": bool(self._actions), "actions": self._actions, "left": self._left}

    # -- the host

    async def _host(self, before: Mapping[str, Any], keep: bool) -> bool:
        """Whether the host is as it was, as far as its files go."""
        running = bool(before.get("running"))
        new = before.get("enabled") is None
        if not running and not await self._module("agent_service", state="stopped", enabled=False if new else None):
            return False
        if not await self._module("agent_restore", checkpoint=dict(before), keep_identity=keep):
            return False
        if running:
            state = "restarted" if self._restart else "started"
            # One that was there but did not come up before need not do so now.
            await self._module("agent_service", state=state, wait=_WAIT if before.get("alive") else None)
        return True

    async def _module(self, name: str, **args: Any) -> bool:
        given = {key: value for key, value in args.items() if value is not None}
        answer = await self._context.module(name, {"prefix": self._agent.prefix, **given})
        for key, kept in (("actions", self._actions), ("left", self._left)):
            told = answer.get(key)
            kept += [str(each) for each in told] if isinstance(told, list) else []
        self._restart = self._restart or answer.get("restart") is True
        self._identity = self._identity and answer.get("identity") is not False
        if answer.get("failed"):
            self._left.append(str(answer.get("msg")))
        return not answer.get("failed")

    # -- the store

    async def _is_superseded(self) -> bool:
        """Whether the certificate that the host had is void meanwhile."""
        had = _fingerprint(self._on_host) if self._on_host is not None else None
        if had is None:
            return False
        fleet = self._context.the_fleet()
        service = await fleet.call(lambda: fleet.undoing)
        return await fleet.call(service.is_superseded, self._in_store or {}, had)

    async def _store(self, held: str | None) -> None:
        """``held``: the certificate issued since that the host keeps."""
        assert self._in_store is not None
        fleet = self._context.the_fleet()
        undone = await fleet.call(
            fleet.undoing.undo,
            self._agent.name,
            self._agent.environment,
            self._in_store,
            actor=fleet.actor,
            reason=self._reason,
            held=held,
        )
        for serial in undone.certificates:
            self._actions.append(f"revoke certificate {serial}")
        for token_id in undone.tokens:
            self._actions.append(f"revoke token {token_id}")
        if undone.decommissioned:
            self._actions.append(f"decommission agent {self._agent.name}")

    async def _visit(self) -> None:
        """Have the store know how the agent is now, when it can be asked."""
        fleet = self._context.the_fleet()
        try:
            current = await rpc(self._context, self._agent.prefix, "status", {})
            known = await fleet.call(fleet.registry.find, self._agent.name, self._agent.environment)
            if known is not None:
                await fleet.call(fleet.registry.record_visit, known.id, current)
        except UnreachableError:
            raise
        except (ActionFailure, StellaError):
            return
