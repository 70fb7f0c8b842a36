"""The agent package that the fleet is to have, with its signatures."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from stella_ops.agents.fleet import Fleet
from stella_ops.orchestrator.refusals import Refusal
from stella_ops.releases.build import AgentPackage


@dataclass(frozen=True, slots=True)
class Release:
    """A package and its ``PackageSignature``: ``der`` and ``sshsig``."""

    package: AgentPackage
    signature: Any


def current_release(fleet: Fleet) -> Release:
    """The package of this version and its signatures. Blocks."""
    return Release(fleet.package, _sign(fleet))


def _sign(fleet: Fleet) -> Any:
    try:
        importlib.import_module("stella_ops.releases.signing")
    except ModuleNotFoundError:
        raise Refusal(503, "not-yet", "this server cannot sign packages") from None
    raise Refusal(503, "not-yet", "this server cannot sign packages")
