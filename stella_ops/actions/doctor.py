"""Runs the doctor's checks on a host, with or without an agent there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stella_ops.actions import agent_container
from stella_ops.actions._agent import container, target
from stella_ops.actions.base import ActionContext, ActionFailure, Result
from stella_ops.doctor.checks import load_checks
from stella_ops.doctor.report import AgentInfo, DiagnosticReport, HealthStatus
from stella_ops.doctor.session import diagnose
from stella_ops.transport.base import ModuleCall

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "categories": {"type": "list", "elements": "str"},
    "checks": {"type": "list", "elements": "str"},
    "thresholds": {"type": "dict"},
    "record": {"type": "bool", "default": True},
}


# Checks that read files of the agent. Those of one in a container lie in a folder of its engine, and where the engine
# cannot be asked for it nobody knows how the agent is: the host's own folders would tell of another one, or of none.
_OF_AGENT_FILES = frozenset(
    {"doctor/certificate_expiry", "doctor/certificate_validity", "doctor/configuration_validity", "doctor/heartbeat"}
)
# Where a host without the container has none of the agent's files.
_NOWHERE = "/var/lib/stella-agent"


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """All checks are sent at once and run side by side on the host; a host that is not healthy fails the task."""
    fleet = context.the_fleet()
    agent = target(context, args)
    folders = [path / "modules" for path in context.search_path]
    checks = load_checks(folders, categories=args.get("categories"), names=args.get("checks"))

    boxed = container(context)
    prefix, more, unseen = agent.prefix, {}, None
    if boxed:
        more = {"docker_host": boxed.engine, "docker_required": True}
        try:
            prefix = await agent_container.data_folder(context) or _NOWHERE
        except ActionFailure as problem:
            prefix, unseen = None, str(problem)

    async def run_check(module: str, given: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:
        if unseen is not None and module in _OF_AGENT_FILES:
            return {"status": "error", "message": f"Cannot look into the agent's container: {unseen}"}
        call = ModuleCall(module=module, args=given, timeout=timeout, environment=context.environment)
        return await context.session.call(call, context.become)

    known = await fleet.call(lambda: fleet.registry.find(agent.name, agent.environment))
    info = AgentInfo(known.id, known.name) if known is not None and not known.decommissioned_at else None
    thresholds = args.get("thresholds") or {}
    given = {**thresholds, **more, "prefix": prefix}
    report = await diagnose(context.host, run_check, checks, args=given, agent=info)
    if args.get("record", True):
        await fleet.call(_record, context, report)
    healthy = report.overall_status is HealthStatus.HEALTHY
    result: Result = {"changed": False, "failed": not healthy, "report": report.to_json()}
    if not healthy:
        sick = [check.check for check in report.results if check.status is not HealthStatus.HEALTHY]
        result["msg"] = f"{report.overall_status}: {', '.join(sick)}"
    return result


def _record(context: ActionContext, report: DiagnosticReport) -> None:
    from stella_ops.store import doctor_reports

    fleet = context.the_fleet()
    data = context.scrub(report.to_json())
    stored = doctor_reports.StoredReport(
        time=datetime.now(UTC),
        host=context.host,
        agent_id=report.agent.id,
        overall_status=str(report.overall_status),
        report=json.loads(json.dumps(data)),
    )
    with fleet.store.transaction() as connection:
        doctor_reports.add(connection, stored)
