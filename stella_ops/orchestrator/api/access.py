"""Operations for operators: tokens that let agents in, and other operators."""

from __future__ import annotations

import re
from datetime import timedelta

from stella_ops.agents.bootstrap import BootstrapRequest, BootstrapResult
from stella_ops.durations import parse_duration
from stella_ops.errors import UsageError
from stella_ops.orchestrator.context import Orchestrator
from stella_ops.orchestrator.messages import operators as messages
from stella_ops.orchestrator.operations import Call, Caller, Operation
from stella_ops.orchestrator.refusals import Refusal, not_found

_ID = re.compile(r"[0-9a-f]{16}")
_NO_TOKEN = {404: "there is no such token"}


def add_token(desk: Orchestrator, call: Call) -> messages.TokenAnswer:
    made = _bootstrap(desk, call)
    return messages.TokenAnswer(**_token_fields(made))


def bootstrap(desk: Orchestrator, call: Call) -> messages.BootstrapAnswer:
    made = _bootstrap(desk, call)
    return messages.BootstrapAnswer(
        **_token_fields(made),
        platform=made.platform,
        configuration=dict(made.configuration),
        install_script=made.install_script,
        install_command=made.install_command,
        install_command_stdin=made.install_command_stdin,
    )


def list_tokens(desk: Orchestrator, call: Call) -> messages.TokenList:
    found = desk.fleet.tokens.list(everything=call.query.all)
    return messages.TokenList(tokens=[messages.TokenInfo.model_validate(view.to_json()) for view in found])


def show_token(desk: Orchestrator, call: Call) -> messages.TokenInfo:
    return messages.TokenInfo.model_validate(desk.fleet.tokens.show(_token_id(desk, call)).to_json())


def revoke_token(desk: Orchestrator, call: Call) -> messages.TokenInfo:
    token_id = _token_id(desk, call)
    desk.fleet.tokens.revoke(token_id, by=call.identity.actor)
    return messages.TokenInfo.model_validate(desk.fleet.tokens.show(token_id).to_json())


def list_operators(desk: Orchestrator, call: Call) -> messages.OperatorList:
    found = desk.fleet.operators.list()
    return messages.OperatorList(operators=[messages.OperatorInfo.model_validate(one) for one in found])


def add_operator(desk: Orchestrator, call: Call) -> messages.OperatorAnswer:
    asked: messages.OperatorRequest = call.body
    actor = call.identity.actor
    ttl = _duration(asked.ttl)
    if asked.csr is None:
        key = desk.fleet.operators.add_key(asked.name, asked.role, by=actor, ttl=ttl)
        desk.fleet.redactor.add(key.value)
        made = messages.OperatorInfo.model_validate(key.operator)
        return messages.OperatorAnswer(**made.model_dump(), key=key.value)
    options = {} if ttl is None else {"ttl": ttl}
    issued = desk.fleet.operators.add_certificate(asked.name, asked.role, asked.csr, by=actor, **options)
    made = messages.OperatorInfo.model_validate(issued.operator)
    return messages.OperatorAnswer(**made.model_dump(), chain=issued.chain_pem, ca=issued.ca_pem)


def revoke_operator(desk: Orchestrator, call: Call) -> messages.OperatorInfo:
    operator_id = call.path["id"]
    known = [one for one in desk.fleet.operators.list() if one.id == operator_id]
    if not known:
        raise not_found("operator with this id", hint="GET /v1/operators lists them")
    desk.fleet.operators.revoke(operator_id, by=call.identity.actor)
    after = [one for one in desk.fleet.operators.list() if one.id == operator_id]
    return messages.OperatorInfo.model_validate(after[0])


def _bootstrap(desk: Orchestrator, call: Call) -> BootstrapResult:
    asked: messages.TokenRequest = call.body
    environment = asked.environment or desk.fleet.project.agent.environment
    who = {"name": asked.agent_name, "environment": environment, "by": call.identity.actor}
    desk.journal.step(1, **who)
    request = BootstrapRequest(
        agent_name=asked.agent_name,
        environment=environment,
        platform=asked.platform,
        capabilities=None if asked.capabilities is None else tuple(asked.capabilities),
        labels=asked.labels,
        cluster_id=asked.cluster_id,
        ttl=_duration(asked.ttl),
        uses=asked.uses,
    )
    made = desk.fleet.bootstrap.bootstrap(request, actor=call.identity.actor)
    desk.journal.step(2, **who, agent_id=made.agent_id, token_id=made.token_id)
    return made


def _token_fields(made: BootstrapResult) -> dict[str, object]:
    return {
        "id": made.token_id,
        "token": made.token,
        "token_expires": made.token_expires,
        "agent_id": made.agent_id,
        "agent_name": made.agent_name,
        "environment": made.environment,
    }


def _duration(text: str | None) -> timedelta | None:
    try:
        return None if text is None else parse_duration(text)
    except (ValueError, OverflowError):
        raise Refusal(400, "invalid-request", "body.ttl: no duration like 30s, 15m, 2h or 7d") from None


def _token_id(desk: Orchestrator, call: Call) -> str:
    token_id = call.path["id"]
    try:
        if _ID.fullmatch(token_id):
            desk.fleet.tokens.show(token_id)
            return token_id
    except UsageError:
        pass
    raise not_found(
        "token with this id", hint="GET /v1/tokens?all=true lists them; the id is what stands before the dot"
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/tokens",
        caller=Caller.OPERATOR,
        function=add_token,
        summary="Mint a bootstrap token for an agent",
        body=messages.TokenRequest,
        answer=messages.TokenAnswer,
        status=201,
    ),
    Operation(
        method="POST",
        path="/v1/bootstrap",
        caller=Caller.OPERATOR,
        function=bootstrap,
        summary="Mint a token and make the install script and command for it",
        body=messages.TokenRequest,
        answer=messages.BootstrapAnswer,
        status=201,
    ),
    Operation(
        method="GET",
        path="/v1/tokens",
        caller=Caller.VIEWER,
        function=list_tokens,
        summary="The tokens that may be used, or all",
        query=messages.TokensQuery,
        answer=messages.TokenList,
    ),
    Operation(
        method="GET",
        path="/v1/tokens/{id}",
        caller=Caller.VIEWER,
        function=show_token,
        summary="One token",
        answer=messages.TokenInfo,
        refusals=_NO_TOKEN,
    ),
    Operation(
        method="DELETE",
        path="/v1/tokens/{id}",
        caller=Caller.OPERATOR,
        function=revoke_token,
        summary="Make a token useless",
        answer=messages.TokenInfo,
        refusals=_NO_TOKEN,
    ),
    Operation(
        method="GET",
        path="/v1/operators",
        caller=Caller.ADMIN,
        function=list_operators,
        summary="All operators, those revoked too",
        answer=messages.OperatorList,
    ),
    Operation(
        method="POST",
        path="/v1/operators",
        caller=Caller.ADMIN,
        function=add_operator,
        summary="Add an operator, by an API key or a certificate",
        body=messages.OperatorRequest,
        answer=messages.OperatorAnswer,
        status=201,
    ),
    Operation(
        method="DELETE",
        path="/v1/operators/{id}",
        caller=Caller.ADMIN,
        function=revoke_operator,
        summary="Let an operator in no more",
        answer=messages.OperatorInfo,
        refusals={404: "there is no such operator"},
    ),
)
