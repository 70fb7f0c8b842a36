"""``stella-ops serve``: the orchestrator, for agents that can call in."""

from __future__ import annotations

from typing import Any

import click


@click.command(
    epilog="""\b
Examples:
  stella-ops serve
  stella-ops serve --listen 0.0.0.0:9443 --url https://stella.example.com:9443
  stella-ops serve --listen 127.0.0.1:0 2>requests.jsonl
  curl --cacert .stella/ca/root.crt https://localhost:8443/healthz

\b
Agents get into the fleet with a token:  stella-ops agent bootstrap --name web1 --env production
Operators get in with a key:             stella-ops operator add alice --role operator
As a service of systemd use Type=notify; SIGTERM ends it when running requests are answered."""
)
@click.option("--listen", "endpoint", metavar="ADDRESS:PORT", help="Where to listen.  [default: 0.0.0.0:8443]")
@click.option("--url", metavar="URL", help="What agents call.  [default: https://<this machine's name>:8443]")
def serve(endpoint: str | None, url: str | None) -> int:
    """Serve the HTTPS API that agents and operators call.

    The certificate is made and renewed by the fleet's own authority. When it is ready it says so in one line on
    standard output; each request is a line of JSON on standard error. The settings are in [orchestrator] of
    stella.toml.
    """
    import asyncio
    import json
    import sys

    from stella_ops.agents.fleet import Fleet, utc_now
    from stella_ops.cli.secrets import REDACTOR
    from stella_ops.settings import load_project, with_orchestrator

    serving = _import()
    from stella_ops.store.columns import iso_z

    project = with_orchestrator(load_project(), url=url, listen=endpoint)

    def warn(message: str) -> None:
        line = {"time": iso_z(utc_now(), "milliseconds"), "level": "warning", "event": "warning", "message": message}
        click.echo(json.dumps(line), err=True)

    fleet = Fleet(project, redactor=REDACTOR, warn=warn)

    def ready(found: Any) -> None:
        click.echo(
            f"ready: {found.url} at {', '.join(found.listening)}, "
            f"server key sha256//{found.public_key_pin}, CA {found.ca_pin}"
        )
        sys.stdout.flush()

    async def run() -> None:
        try:
            await serving.serve(fleet, endpoint=project.orchestrator.listen, log=sys.stderr, on_ready=ready)
        finally:
            await fleet.close()

    asyncio.run(run())
    return 0


def _import() -> Any:
    from stella_ops.errors import UsageError

    try:
        from stella_ops.orchestrator import serving
    except ModuleNotFoundError as problem:
        raise UsageError(
            f"the orchestrator needs the Python package '{problem.name}'", hint="pip install 'stella-ops[orchestrator]'"
        ) from None
    return serving
