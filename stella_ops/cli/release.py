"""``stella-ops release``: agent packages."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def release() -> None:
    """Agent packages."""


@release.command(
    epilog="""\b
Examples:
  stella-ops release build
  stella-ops release build --output dist/"""
)
@click.option("--output", metavar="PATH", type=click.Path(path_type=Path), help="File or folder to write to.")
def build(output: Path | None) -> int:
    """Build stella-agent.pyz. The same source gives the same bytes."""
    from stella_ops import __version__
    from stella_ops.releases.build import build_agent
    from stella_ops.releases.packages import ensure_package
    from stella_ops.settings import load_project

    if output is None:
        project = load_project()
        project.ensure_state_dir()
        package = ensure_package(project.releases_dir, __version__)
    else:
        if output.suffix != ".pyz":
            output = output / "stella-agent.pyz"
        output.parent.mkdir(parents=True, exist_ok=True)
        package = build_agent(output, __version__)
    click.echo(f"{package.path}  version {package.version}  {package.size} bytes")
    click.echo(f"sha256 {package.sha256}")
    return 0
