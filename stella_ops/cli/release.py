"""``stella-ops release``: agent packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


@release.command(
    epilog="""\b
Examples:
  stella-ops release image --base debian:bookworm
  stella-ops release image --rootfs bookworm.tar --output agent-image.tar
  stella-ops release image --base python:3.12-slim --engine unix:///run/user/1000/docker.sock --check

\b
The base needs python3 (3.6 or newer) and openssl or ssh-keygen, and nothing else. It must be there: no registry
is asked. Hosts in group docker_agents get the file; see docs/docker.md."""
)
@click.option("--base", metavar="IMAGE", help="Build from this image, which the engine must have.")
@click.option(
    "--rootfs",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Build from an archive with a root file system: .tar, .tar.gz, .tar.xz.",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to save the image to; compressed when named .tar.gz. [default: the project's releases]",
)
@click.option("--engine", metavar="URL", help="The Docker engine to build with. [default: DOCKER_HOST]")
@click.option("--check", is_flag=True, help="Only say what would be done.")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def image(
    base: str | None, rootfs: Path | None, output: Path | None, engine: str | None, check: bool, output_format: str
) -> int:
    """Build the agent's container image, and save it to a file for hosts without a registry."""
    import json

    from stella_ops import __version__
    from stella_ops.errors import UsageError
    from stella_ops.releases import images
    from stella_ops.releases.packages import ensure_package
    from stella_ops.settings import load_project

    if (base is None) == (rootfs is None):
        raise UsageError("say what to build the image from: --base IMAGE or --rootfs FILE")
    project = load_project()
    project.ensure_state_dir()
    package = ensure_package(project.releases_dir, __version__)
    path = output or project.releases_dir / __version__ / images.IMAGE_FILE
    made = images.build_image(package, base=base, rootfs=rootfs, engine=engine, check=check)
    told: dict[str, Any] = {
        "id": made.id or None,
        "tags": list(made.tags),
        "version": made.version,
        "package_sha256": made.package_sha256,
        "base": made.base,
        "built": made.built,
        "file": str(path),
        "check": check,
    }
    if not check:
        file = images.save_image(made, path, engine=engine)
        told["size"] = file.path.stat().st_size
    if output_format == "json":
        click.echo(json.dumps(told, indent=2))
    elif check:
        click.echo(f"{'would build' if made.built else 'is there already:'} {made.tags[0]} from {made.base}")
        click.echo(f"would save it to {path}")
    else:
        click.echo(f"{'built' if made.built else 'was there already:'} {made.tags[0]} from {made.base}")
        click.echo(f"{path}  {told['size']} bytes  image {made.id}")
    return 0
