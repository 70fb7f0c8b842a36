"""Operations for anybody: what an installer downloads, and the exchange of a token for a certificate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from starlette.responses import FileResponse, Response

from stella_ops import __version__
from stella_ops.agents.exchange import AgentIdentity, Exchange
from stella_ops.agents.platforms import Platform
from stella_ops.errors import EnrolmentError, PkiError
from stella_ops.orchestrator.context import Orchestrator
from stella_ops.orchestrator.messages.strangers import (
    EnrolAnswer,
    EnrolRequest,
    Health,
    IdentityAnswer,
    IdentityRequest,
)
from stella_ops.orchestrator.operations import Call, Caller, Operation
from stella_ops.orchestrator.refusals import Refusal, not_found
from stella_ops.releases.build import PACKAGE_NAME
from stella_ops.releases.signing import PackageSignature

_T = TypeVar("_T")
_REFUSED = {403: "the token is refused; the answer does not tell why"}


def health(desk: Orchestrator, call: Call) -> Health:
    with desk.fleet.store.reading() as connection:
        connection.exec_driver_sql("SELECT 1")
    return Health(status="ok", version=__version__)


def metrics(desk: Orchestrator, call: Call) -> Response:
    text = desk.metrics.text(desk.fleet.store)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def ca_certificate(desk: Orchestrator, call: Call) -> Response:
    return Response(desk.fleet.authority.root_pem, media_type="application/x-pem-file")


def install_sh(desk: Orchestrator, call: Call) -> Response:
    return Response(desk.releases.install_script(Platform.LINUX), media_type="text/x-shellscript; charset=utf-8")


def install_ps1(desk: Orchestrator, call: Call) -> Response:
    return Response(desk.releases.install_script(Platform.WINDOWS), media_type="text/plain; charset=utf-8")


async def package(desk: Orchestrator, call: Call) -> Response:
    """The file itself; starlette answers ranges (RFC 9110, section 14), and does its reading in threads."""
    version = call.path["version"]
    release = await desk.call(desk.releases.current)
    if version != release.package.version:
        raise not_found("package of this version", hint=f"the fleet's is {release.package.version}")
    return FileResponse(release.package.path, media_type="application/octet-stream", filename=PACKAGE_NAME)


def package_signature(desk: Orchestrator, call: Call) -> Response:
    return Response(_signature(desk, call).der, media_type="application/octet-stream")


def package_sshsig(desk: Orchestrator, call: Call) -> Response:
    return Response(_signature(desk, call).sshsig, media_type="text/plain; charset=utf-8")


def _signature(desk: Orchestrator, call: Call) -> PackageSignature:
    release = desk.releases.current()
    if call.path["version"] != release.package.version:
        raise not_found("package of this version", hint=f"the fleet's is {release.package.version}")
    return release.signature


async def enrol_identity(desk: Orchestrator, call: Call) -> IdentityAnswer:
    asked: IdentityRequest = call.body
    desk.journal.step(3, address=call.address)
    found: AgentIdentity = await _same_refusal(
        desk, call, lambda: desk.fleet.exchange.identify(asked.token, actor=f"stranger:{call.address}")
    )
    return IdentityAnswer(agent_id=found.agent_id, name=found.name, environment=found.environment)


async def enrol(desk: Orchestrator, call: Call) -> EnrolAnswer:
    asked: EnrolRequest = call.body
    desk.journal.step(4, address=call.address)

    def exchange() -> Exchange:
        return desk.fleet.exchange.exchange(
            asked.token,
            asked.proof(),
            name=asked.name,
            environment=asked.environment,
            actor=f"stranger:{call.address}",
        )

    found = await _same_refusal(desk, call, exchange)
    made = found.enrolment
    desk.journal.step(
        5,
        agent_id=made.agent_id,
        name=found.name,
        environment=found.environment,
        serial=made.certificate.serial,
        repeated=made.repeated,
    )
    return EnrolAnswer(
        agent_id=made.agent_id,
        name=found.name,
        environment=found.environment,
        chain=made.chain_pem,
        ca=made.ca_pem,
        config=dict(found.config),
        config_revision=found.config_revision,
        config_sha256=found.config_sha256,
        repeated=made.repeated,
    )


async def _same_refusal(desk: Orchestrator, call: Call, function: Callable[[], _T]) -> _T:
    """Neither words nor time tell a stranger why a token is refused; the log and the audit trail do."""
    begun = time.monotonic()
    try:
        return await desk.call(function)
    except (EnrolmentError, PkiError) as problem:
        call.notes["reason"] = problem.reason if isinstance(problem, EnrolmentError) else problem.message
    await asyncio.sleep(max(0.0, desk.refusal_time - (time.monotonic() - begun)))
    raise Refusal(
        403,
        "enrolment-refused",
        "the enrolment was refused",
        hint="ask for another token; why it was refused stands in the orchestrator's audit trail",
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/healthz",
        caller=Caller.STRANGER,
        function=health,
        summary="Whether the server and its store answer",
        answer=Health,
        limited=False,
    ),
    Operation(
        method="GET",
        path="/metrics",
        caller=Caller.STRANGER,
        function=metrics,
        summary="Metrics in Prometheus's text format",
        media="text/plain",
    ),
    Operation(
        method="GET",
        path="/ca.pem",
        caller=Caller.STRANGER,
        function=ca_certificate,
        summary="The root certificate of the fleet's authority",
        media="application/x-pem-file",
    ),
    Operation(
        method="GET",
        path="/install.sh",
        caller=Caller.STRANGER,
        function=install_sh,
        summary="The installer for Linux",
        media="text/x-shellscript",
    ),
    Operation(
        method="GET",
        path="/install.ps1",
        caller=Caller.STRANGER,
        function=install_ps1,
        summary="The installer for Windows",
        media="text/plain",
    ),
    Operation(
        method="GET",
        path=f"/packages/{{version}}/{PACKAGE_NAME}",
        caller=Caller.STRANGER,
        function=package,
        summary="The agent package; ranges are answered",
        media="application/octet-stream",
        refusals={404: "there is no package of this version", 416: "the range is none of the file's"},
        more={206: "a part of the file"},
    ),
    Operation(
        method="GET",
        path=f"/packages/{{version}}/{PACKAGE_NAME}.sig",
        caller=Caller.STRANGER,
        function=package_signature,
        summary="The package's signature: ECDSA with SHA-256, DER, for openssl dgst -verify",
        media="application/octet-stream",
        refusals={404: "there is no package of this version"},
    ),
    Operation(
        method="GET",
        path=f"/packages/{{version}}/{PACKAGE_NAME}.sshsig",
        caller=Caller.STRANGER,
        function=package_sshsig,
        summary="The package's signature for ssh-keygen -Y verify",
        media="text/plain",
        refusals={404: "there is no package of this version"},
    ),
    Operation(
        method="POST",
        path="/v1/enroll/identity",
        caller=Caller.STRANGER,
        function=enrol_identity,
        summary="Whom a token is for; uses nothing up",
        body=IdentityRequest,
        answer=IdentityAnswer,
        refusals=_REFUSED,
    ),
    Operation(
        method="POST",
        path="/v1/enroll",
        caller=Caller.STRANGER,
        function=enrol,
        summary="Exchange a token and a proof of possession for a certificate and a configuration",
        body=EnrolRequest,
        answer=EnrolAnswer,
        refusals=_REFUSED,
    ),
)
