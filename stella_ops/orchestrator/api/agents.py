"""Operations for agents, which show their certificate: they register, report, and ask what they are to do."""

from __future__ import annotations

import base64
import time

from starlette.responses import Response

from stella_ops.durations import parse_duration
from stella_ops.errors import EnrolmentError, PkiError, UsageError
from stella_ops.orchestrator.bells import rung
from stella_ops.orchestrator.context import Orchestrator
from stella_ops.orchestrator.messages import agents as messages
from stella_ops.orchestrator.messages.form import Nothing
from stella_ops.orchestrator.operations import Call, Caller, Operation
from stella_ops.orchestrator.refusals import Refusal

# Tasks may be made by other processes (the command line, another orchestrator), which ring no bell here.
_LOOK_AGAIN = 5.0


def agent_register(desk: Orchestrator, call: Call) -> messages.RegisterAnswer:
    asked: messages.RegisterRequest = call.body
    agent = call.identity.agent
    who = {"agent_id": agent.agent_id, "name": agent.name, "environment": agent.environment}
    desk.journal.step(6, **who, version=asked.version)
    desired = desk.fleet.checkin.register(agent, asked.status or {}, version=asked.version, python=asked.python)
    desk.journal.step(7, **who, config_revision=desired.revision)
    interval = parse_duration(str(desired.config.get("heartbeat_interval", "30s")))
    return messages.RegisterAnswer(
        **who,
        heartbeat_interval=interval.total_seconds(),
        config_revision=desired.revision,
        config_sha256=desired.sha256,
        server_time=desk.fleet.clock(),
    )


def agent_heartbeat(desk: Orchestrator, call: Call) -> messages.HeartbeatAnswer:
    asked: messages.HeartbeatRequest = call.body
    last_seq, tasks = desk.fleet.checkin.heartbeat(call.identity.agent, asked.heartbeats)
    desired = desk.fleet.checkin.desired(call.identity.agent)
    return messages.HeartbeatAnswer(
        last_seq=last_seq,
        config_revision=desired.revision,
        config_sha256=desired.sha256,
        tasks=tasks,
        server_time=desk.fleet.clock(),
    )


def agent_config(desk: Orchestrator, call: Call) -> messages.ConfigAnswer | Response:
    desired = desk.fleet.checkin.desired(call.identity.agent)
    tag = f'"{desired.sha256}"'
    known = [given.strip().removeprefix("W/") for given in call.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers={"etag": tag})
    call.answer_headers["etag"] = tag
    return messages.ConfigAnswer(revision=desired.revision, sha256=desired.sha256, config=dict(desired.config))


def agent_config_outcome(desk: Orchestrator, call: Call) -> Nothing:
    asked: messages.ConfigOutcome = call.body
    try:
        desk.fleet.checkin.configured(
            call.identity.agent,
            revision=asked.revision,
            sha256=asked.sha256,
            applied=asked.status == "applied",
            problems=asked.problems,
        )
    except UsageError as problem:
        raise Refusal(409, "unknown-revision", problem.message) from None
    return Nothing()


def agent_certificate(desk: Orchestrator, call: Call) -> messages.CertificateAnswer:
    asked: messages.CertificateRequest = call.body
    try:
        made = desk.fleet.checkin.renew(call.identity.agent, asked.proof())
    except (PkiError, EnrolmentError) as problem:
        call.notes["reason"] = problem.message
        raise Refusal(403, "renewal-refused", problem.message, hint=problem.hint) from None
    return messages.CertificateAnswer(chain=made.chain_pem, ca=made.ca_pem)


async def agent_tasks(desk: Orchestrator, call: Call) -> messages.TasksAnswer:
    asked: messages.TasksQuery = call.query
    agent = call.identity.agent
    until = time.monotonic() + asked.wait
    with desk.bells.listen(agent.agent_id) as bell:
        while True:
            # Who waits may have been revoked meanwhile.
            current = await desk.call(desk.fleet.checkin.recognise, agent.fingerprint_sha256)
            found = await desk.call(desk.fleet.checkin.fetch, agent) if current is not None else []
            left = until - time.monotonic()
            if found or current is None or left <= 0 or desk.bells.stopped or await call.is_gone():
                return messages.TasksAnswer(tasks=[messages.TaskOrder.model_validate(task) for task in found])
            await rung(bell, min(left, _LOOK_AGAIN))


def agent_results(desk: Orchestrator, call: Call) -> messages.ResultsAnswer:
    asked: messages.ResultsRequest = call.body
    results = [(result.id, result.response) for result in asked.results]
    return messages.ResultsAnswer(accepted=desk.fleet.checkin.finish(call.identity.agent, results))


def agent_logs(desk: Orchestrator, call: Call) -> messages.LogsAnswer:
    asked: messages.LogsRequest = call.body
    accepted, last_seq = desk.fleet.checkin.log(call.identity.agent, asked.entries)
    return messages.LogsAnswer(accepted=accepted, last_seq=last_seq)


def agent_updates(desk: Orchestrator, call: Call) -> messages.UpdatesAnswer:
    release = desk.releases.current()
    package = release.package
    agent = desk.fleet.registry.get(call.identity.agent.agent_id)
    return messages.UpdatesAnswer(
        version=package.version,
        sha256=package.sha256,
        size=package.size,
        url=f"{desk.url}/packages/{package.version}/{package.path.name}",
        signature=base64.b64encode(release.signature.der).decode(),
        sshsig=release.signature.sshsig,
        current=agent.version,
    )


_SELF = "/v1/agents/self"

OPERATIONS = (
    Operation(
        method="POST",
        path=f"{_SELF}/register",
        caller=Caller.AGENT,
        function=agent_register,
        summary="The agent has started, or has a new certificate; older ones are revoked",
        body=messages.RegisterRequest,
        answer=messages.RegisterAnswer,
    ),
    Operation(
        method="POST",
        path=f"{_SELF}/heartbeat",
        caller=Caller.AGENT,
        function=agent_heartbeat,
        summary="Heartbeats of the agent's spool",
        body=messages.HeartbeatRequest,
        answer=messages.HeartbeatAnswer,
    ),
    Operation(
        method="GET",
        path=f"{_SELF}/config",
        caller=Caller.AGENT,
        function=agent_config,
        summary="The configuration that the agent is to have; the ETag is its digest",
        answer=messages.ConfigAnswer,
        more={304: "the agent has it already (If-None-Match)"},
    ),
    Operation(
        method="POST",
        path=f"{_SELF}/config",
        caller=Caller.AGENT,
        function=agent_config_outcome,
        summary="What became of a configuration on the host",
        body=messages.ConfigOutcome,
        answer=Nothing,
        refusals={409: "the revision is not one of this agent's"},
    ),
    Operation(
        method="POST",
        path=f"{_SELF}/certificate",
        caller=Caller.AGENT,
        function=agent_certificate,
        summary="A new certificate; the present one is good until the agent registers with the new one",
        body=messages.CertificateRequest,
        answer=messages.CertificateAnswer,
    ),
    Operation(
        method="GET",
        path=f"{_SELF}/tasks",
        caller=Caller.AGENT,
        function=agent_tasks,
        summary="Tasks that wait for the agent",
        query=messages.TasksQuery,
        answer=messages.TasksAnswer,
    ),
    Operation(
        method="POST",
        path=f"{_SELF}/results",
        caller=Caller.AGENT,
        function=agent_results,
        summary="Answers to tasks",
        body=messages.ResultsRequest,
        answer=messages.ResultsAnswer,
    ),
    Operation(
        method="POST",
        path=f"{_SELF}/logs",
        caller=Caller.AGENT,
        function=agent_logs,
        summary="Entries of the agent's log",
        body=messages.LogsRequest,
        answer=messages.LogsAnswer,
    ),
    Operation(
        method="GET",
        path=f"{_SELF}/updates",
        caller=Caller.AGENT,
        function=agent_updates,
        summary="The package that the agent is to run, with its signatures",
        answer=messages.UpdatesAnswer,
    ),
)
