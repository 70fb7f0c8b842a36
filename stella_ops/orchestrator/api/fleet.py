"""Operations for operators: the fleet's agents, runs, reports and audit trail."""

from __future__ import annotations

import re
from typing import Any

from stella_ops.agents.registry import AgentView
from stella_ops.orchestrator.context import Orchestrator
from stella_ops.orchestrator.messages import operators as messages
from stella_ops.orchestrator.operations import Call, Caller, Operation
from stella_ops.orchestrator.refusals import Refusal, not_found
from stella_ops.store import (
    agent_logs,
    agent_tasks,
    agents,
    audit,
    certificates,
    configurations,
    doctor_reports,
    heartbeats,
    runs,
)

_AGENT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_AGENT = {404: "there is no such agent"}


def list_agents(desk: Orchestrator, call: Call) -> messages.AgentList:
    found = desk.fleet.registry.list(call.query.environment)
    return messages.AgentList(agents=[_agent(view) for view in found])


def show_agent(desk: Orchestrator, call: Call) -> messages.AgentInfo:
    return _agent(desk.fleet.registry.get(_agent_id(desk, call)))


def decommission_agent(desk: Orchestrator, call: Call) -> messages.AgentInfo:
    return _agent(desk.fleet.registry.decommission(_agent_id(desk, call), actor=call.identity.actor))


def list_heartbeats(desk: Orchestrator, call: Call) -> messages.HeartbeatList:
    agent_id = _agent_id(desk, call)
    with desk.fleet.store.reading() as connection:
        found = heartbeats.recent(connection, agent_id, call.query.limit)
    return messages.HeartbeatList(heartbeats=[messages.HeartbeatInfo.model_validate(beat) for beat in found])


def show_config(desk: Orchestrator, call: Call) -> messages.ConfigInfo:
    agent_id = _agent_id(desk, call)
    with desk.fleet.store.reading() as connection:
        newest = configurations.latest(connection, agent_id)
        agent = agents.get(connection, agent_id)
    if newest is None:
        raise not_found("configuration of this agent yet")
    return _config(newest.revision, newest.sha256, newest.config, agent)


def set_config(desk: Orchestrator, call: Call) -> messages.ConfigInfo:
    agent_id = _agent_id(desk, call)
    asked: messages.ConfigRequest = call.body
    made = desk.fleet.configurations.desire(agent_id, asked.config, actor=call.identity.actor)
    with desk.fleet.store.reading() as connection:
        agent = agents.get(connection, agent_id)
    desk.bells.ring_from_thread(agent_id)
    return _config(made.revision, made.sha256, made.config, agent)


def list_certificates(desk: Orchestrator, call: Call) -> messages.CertificateList:
    agent_id = _agent_id(desk, call)
    with desk.fleet.store.reading() as connection:
        found = certificates.of_agent(connection, agent_id)
    return messages.CertificateList(certificates=[messages.CertificateInfo.model_validate(one) for one in found])


def list_tasks(desk: Orchestrator, call: Call) -> messages.TaskList:
    agent_id = _agent_id(desk, call)
    with desk.fleet.store.reading() as connection:
        found = agent_tasks.recent(connection, agent_id, call.query.limit)
    return messages.TaskList(tasks=[messages.TaskInfo.model_validate(task) for task in found])


def add_task(desk: Orchestrator, call: Call) -> messages.TaskInfo:
    agent_id = _agent_id(desk, call)
    asked: messages.TaskRequest = call.body
    task = desk.fleet.checkin.request(agent_id, asked.method, asked.params, by=call.identity.actor)
    desk.bells.ring_from_thread(agent_id)
    return messages.TaskInfo.model_validate(task)


def list_logs(desk: Orchestrator, call: Call) -> messages.LogList:
    agent_id = _agent_id(desk, call)
    with desk.fleet.store.reading() as connection:
        found = agent_logs.recent(connection, agent_id, call.query.limit)
    return messages.LogList(logs=[messages.LogInfo.model_validate(entry) for entry in found])


def list_runs(desk: Orchestrator, call: Call) -> messages.RunList:
    with desk.fleet.store.reading() as connection:
        found = runs.recent(connection, call.query.limit)
    return messages.RunList(runs=[messages.RunInfo.model_validate(run) for run in found])


def list_doctor_reports(desk: Orchestrator, call: Call) -> messages.DoctorList:
    with desk.fleet.store.reading() as connection:
        found = doctor_reports.newest_of_each(connection)
    return messages.DoctorList(reports=[messages.DoctorInfo.model_validate(report) for report in found])


def list_audit(desk: Orchestrator, call: Call) -> messages.AuditList:
    asked: messages.AuditQuery = call.query
    with desk.fleet.store.reading() as connection:
        found = audit.entries(connection, act=asked.act, subject=asked.subject, limit=asked.limit)
    return messages.AuditList(entries=[messages.AuditInfo.model_validate(entry) for entry in found])


def _agent_id(desk: Orchestrator, call: Call) -> str:
    agent_id = call.path["id"]
    known = None
    if _AGENT_ID.fullmatch(agent_id):
        with desk.fleet.store.reading() as connection:
            known = agents.get(connection, agent_id)
    if known is None:
        raise _no_agent()
    return agent_id


def _no_agent() -> Refusal:
    return not_found("agent with this id", hint="GET /v1/agents lists them")


def _agent(view: AgentView) -> messages.AgentInfo:
    return messages.AgentInfo.model_validate(view)


def _config(revision: int, sha256: str, config: Any, agent: agents.Agent | None) -> messages.ConfigInfo:
    applied = agent is not None and agent.config_sha256 == sha256
    return messages.ConfigInfo(revision=revision, sha256=sha256, config=dict(config), applied=applied)


_ONE = "/v1/agents/{id}"

OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/agents",
        caller=Caller.VIEWER,
        function=list_agents,
        summary="The agents of the fleet, or of an environment",
        query=messages.AgentsQuery,
        answer=messages.AgentList,
    ),
    Operation(
        method="GET",
        path=_ONE,
        caller=Caller.VIEWER,
        function=show_agent,
        summary="One agent",
        answer=messages.AgentInfo,
        refusals=_NO_AGENT,
    ),
    Operation(
        method="DELETE",
        path=_ONE,
        caller=Caller.OPERATOR,
        function=decommission_agent,
        summary="Decommission an agent: its certificates are revoked",
        answer=messages.AgentInfo,
        refusals=_NO_AGENT,
    ),
    Operation(
        method="GET",
        path=f"{_ONE}/heartbeats",
        caller=Caller.VIEWER,
        function=list_heartbeats,
        summary="An agent's last heartbeats, newest first",
        query=messages.LimitQuery,
        answer=messages.HeartbeatList,
        refusals=_NO_AGENT,
    ),
    Operation(
        method="GET",
        path=f"{_ONE}/config",
        caller=Caller.VIEWER,
        function=show_config,
        summary="The configuration that an agent is to have",
        answer=messages.ConfigInfo,
        refusals={404: "there is no such agent, or no configuration of it"},
    ),
    Operation(
        method="PUT",
        path=f"{_ONE}/config",
        caller=Caller.OPERATOR,
        function=set_config,
        summary="Say what configuration an agent is to have; a new content is a new revision",
        body=messages.ConfigRequest,
        answer=messages.ConfigInfo,
        refusals=_NO_AGENT,
    ),
    Operation(
        method="GET",
        path=f"{_ONE}/certificates",
        caller=Caller.VIEWER,
        function=list_certificates,
        summary="An agent's certificates, newest first",
        answer=messages.CertificateList,
        refusals=_NO_AGENT,
    ),
    Operation(
        method="GET",
        path=f"{_ONE}/tasks",
        caller=Caller.VIEWER,
        function=list_tasks,
        summary="An agent's last tasks and the answers to them, newest first",
        query=messages.LimitQuery,
        answer=messages.TaskList,
        refusals=_NO_AGENT,
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/tasks",
        caller=Caller.OPERATOR,
        function=add_task,
        summary="Have an agent asked something when it next calls in, or at once when it waits",
        body=messages.TaskRequest,
        answer=messages.TaskInfo,
        status=201,
        refusals={**_NO_AGENT, 409: "the agent takes no tasks, or too many wait for it"},
    ),
    Operation(
        method="GET",
        path=f"{_ONE}/logs",
        caller=Caller.VIEWER,
        function=list_logs,
        summary="The last entries of an agent's log, newest first",
        query=messages.LimitQuery,
        answer=messages.LogList,
        refusals=_NO_AGENT,
    ),
    Operation(
        method="GET",
        path="/v1/runs",
        caller=Caller.VIEWER,
        function=list_runs,
        summary="The last runs of playbooks, modules and the doctor, newest first",
        query=messages.LimitQuery,
        answer=messages.RunList,
    ),
    Operation(
        method="GET",
        path="/v1/doctor",
        caller=Caller.VIEWER,
        function=list_doctor_reports,
        summary="The doctor's last report of each host",
        answer=messages.DoctorList,
    ),
    Operation(
        method="GET",
        path="/v1/audit",
        caller=Caller.ADMIN,
        function=list_audit,
        summary="The last entries of the audit trail, oldest first",
        query=messages.AuditQuery,
        answer=messages.AuditList,
    ),
)
