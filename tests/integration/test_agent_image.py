"""Images of the agent, made by a real Docker engine."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import ReleaseError
from stella_ops.releases import images
from stella_ops.releases.build import AgentPackage, build_agent


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> AgentPackage:
    return build_agent(tmp_path_factory.mktemp("package") / "stella-agent.pyz", "0.9.4")


@pytest.fixture(scope="module")
def host(agent_images: Any) -> str | None:
    return agent_images.engine.host or None


def test_from_a_root_file_system(agent_images: Any, package: AgentPackage, host: str | None, tmp_path: Path) -> None:
    """FROM scratch: what is in the archive, and the agent; saved compressed, and understood when read."""
    docker = agent_images.docker
    source = docker("create", agent_images.base, "true")
    try:
        rootfs = tmp_path / "root; RUN echo.tar"
        docker("export", "-o", str(rootfs), source)
    finally:
        docker("rm", source)
    foretold = images.build_image(package, rootfs=rootfs, engine=host, check=True)
    assert (foretold.built, foretold.id) == (True, "")
    assert "stella/agent:0.9.4" not in agent_images.of_agents()

    built = images.build_image(package, rootfs=rootfs, engine=host)

    assert built.built and built.tags == ("stella/agent:0.9.4", "stella/agent:latest")
    assert set(built.tags) <= agent_images.of_agents()
    again = images.build_image(package, rootfs=rootfs, engine=host)
    assert (again.built, again.id) == (False, built.id)
    about = json.loads(docker("inspect", built.id))[0]
    labels = about["Config"]["Labels"]
    assert about["Config"]["User"] == "10001:10001"
    assert labels["org.opencontainers.image.version"] == "0.9.4"
    assert labels["io.stella-ops.package.sha256"] == package.sha256
    assert about["Config"]["Healthcheck"]["Test"] == ["CMD", "/usr/local/bin/stella-agent", "status"]
    assert docker("run", "--rm", "--network", "none", built.id, "version") == "0.9.4"

    file = images.save_image(built, tmp_path / "agent-image.tar.gz", engine=host)
    with gzip.open(file.path) as stream:
        assert stream.read(1)
    assert file.version == "0.9.4" and built.id in file.ids and file.tags == ("stella/agent:0.9.4",)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    newer = build_agent(tmp_path / "stella-agent.pyz", "0.9.5")
    assert images.build_image(newer, rootfs=rootfs, engine=host, check=True).built is True


def test_a_base_that_cannot_carry_an_agent(agent_images: Any, package: AgentPackage, host: str | None) -> None:
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w"):
        pass
    agent_images.engine.docker("import", "-", "stella-test-empty:1", stdin=empty.getvalue().decode())
    try:
        with pytest.raises(ReleaseError, match="the image cannot be built"):
            images.build_image(package, base="stella-test-empty:1", engine=host)
        with pytest.raises(ReleaseError, match="no registry is asked"):
            images.build_image(package, base="stella-test-nowhere:1", engine=host)
        with pytest.raises(ReleaseError, match="is not the name of an image"):
            images.build_image(package, base="x\nRUN true", engine=host)
    finally:
        agent_images.docker("rmi", "-f", "stella-test-empty:1")


def test_no_engine(package: AgentPackage, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="no Docker engine answers at unix://") as caught:
        images.build_image(package, base="x", engine=f"unix://{tmp_path}/docker.sock")
    assert "--engine" in str(caught.value.hint)


def test_without_the_extra(tmp_path: Path) -> None:
    """The SDK is hidden from a process of its own: nothing else of the releases needs it."""
    program = (
        "import sys; sys.modules['docker'] = None\n"
        "from stella_ops.releases import images\n"
        "from stella_ops.errors import ReleaseError\n"
        "try:\n    images.connected('unix:///x').__enter__()\n"
        "except ReleaseError as problem:\n    print(problem, '|', problem.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("| pip install 'stella-ops[docker]'"), done.stdout


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (None, "cannot be read: No such file"),
        ({}, "no saved image"),
        ({"manifest.json": []}, "no single image"),
        ({"manifest.json": [{"Config": "c.json"}], "c.json": {"config": {"Labels": None}}}, "is not the agent's"),
    ],
)
def test_files_that_are_no_agent_image(tmp_path: Path, members: dict[str, Any] | None, said: str) -> None:
    path = tmp_path / "image.tar"
    if members is not None:
        with tarfile.open(path, "w") as archive:
            for name, value in members.items():
                data = json.dumps(value).encode()
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    with pytest.raises(ReleaseError, match=said) as caught:
        images.image_file(path)
    assert caught.value.hint
    path.write_text("no archive")
    with pytest.raises(ReleaseError, match="no saved image"):
        images.image_file(path)


def test_the_dockerfile() -> None:
    ours = images.dockerfile("1.2.3", base="debian:bookworm")
    assert ours.startswith("FROM debian:bookworm\n") and 'version="1.2.3"' in ours
    assert images.dockerfile("1.2.3", rootfs="rootfs.tar").startswith("FROM scratch\nADD rootfs.tar /\n")


def test_what_a_person_starts_by_hand_works_the_same_way(agent_images: Any, host: str | None) -> None:
    """The printed lines: data in a volume, the agent's own commands as arguments of the image."""
    docker, name = agent_images.docker, "test-by-hand"
    docker("load", "-i", str(agent_images.good))
    try:
        refused = agent_images.engine.docker(
            *("run", "--rm", "-i", "-v", f"{name}:/var/lib/stella-agent", "stella/agent:0.9.1"),
            *("enrol", "--url", "https://127.0.0.1:1", "--token-stdin"),
            check=False,
            stdin="0123456789abcdef." + "x" * 43 + "." + "y" * 43,
        )
        assert refused.returncode not in (0, 127) and "127.0.0.1" in refused.stderr, refused
        docker("run", "-d", "--name", name, "-v", f"{name}:/var/lib/stella-agent", "stella/agent:0.9.1")
        docker("exec", name, "stella-agent", "version")
    finally:
        docker("rm", "-f", name, check=False)
        docker("volume", "rm", "-f", name)
        agent_images.forget()
