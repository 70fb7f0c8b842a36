"""Debian's real tools on a root of their own: apt and dpkg with a small repository of packages made here.

Nothing of this machine's packages is read or changed, and no network is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# name, version, fields, and what its install script does
PACKAGES: list[tuple[str, str, str]] = [
    ("alpha", "1.0", ""),
    ("alpha", "1.1", ""),
    ("alpha", "2.0", ""),
    ("alpha-extra", "1.0", "Depends: alpha (>= 1.1)\n"),
    ("beta", "1:0.5-1", "Depends: gamma\nRecommends: delta\n"),
    ("gamma", "3", ""),
    ("delta", "4", ""),
    ("mailer-one", "1", "Provides: mailer\n"),
    ("mailer-two", "1", "Provides: mailer\n"),
    ("rival", "1", "Conflicts: gamma\n"),
]


class DebianRoot:
    """A root folder that apt and dpkg work in, by the variables in ``environment``."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.pool = folder / "pool"
        self.etc = self.root / "etc/apt"
        for name in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/apt/lists/partial", "var/log/apt"):
            (self.root / name).mkdir(parents=True)
        for name in ("var/cache/apt/archives/partial", "etc/apt/apt.conf.d", "etc/apt/preferences.d"):
            (self.root / name).mkdir(parents=True)
        (self.root / "etc/apt/sources.list.d").mkdir()
        (self.root / "var/lib/dpkg/status").touch()
        self.sources = self.etc / "sources.list"
        self.sources.write_text(f"deb [trusted=yes] file:{self.pool} ./\n")
        configuration = folder / "apt.conf"
        configuration.write_text(
            f'Dir "{self.root}/";\nDir::State::status "{self.root}/var/lib/dpkg/status";\n'
            f'Dir::Etc "{self.etc}/";\nDPkg::Options {{ "--root={self.root}"; "--force-not-root"; '
            f'"--log={self.root}/var/log/dpkg.log"; "--force-script-chrootless"; }};\n'
            'APT::Sandbox::User "root";\nDir::Bin::dpkg "/usr/bin/dpkg";\nAcquire::Languages "none";\n'
            "#clear DPkg::Pre-Install-Pkgs;\n#clear DPkg::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
            "#clear APT::Update::Post-Invoke;\n#clear DPkg::Pre-Invoke;\n"
        )
        self.environment = {
            "APT_CONFIG": str(configuration),
            "DPKG_ADMINDIR": str(self.root / "var/lib/dpkg"),
            "DPKG_ROOT": str(self.root),
        }
        self.pool.mkdir()

    def build(self, name: str, version: str, fields: str = "", folder: Path | None = None) -> Path:
        """Make a package; the path of its file."""
        tree = self.pool / f"{name}-tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "etc").mkdir()
        (tree / f"etc/{name}.conf").write_text(f"{version}\n")
        (tree / "DEBIAN/conffiles").write_text(f"/etc/{name}.conf\n")
        text = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n"
        (tree / "DEBIAN/control").write_text(f"{text}Section: misc\n{fields}Description: {name}\n")
        path = (folder or self.pool) / f"{name}_{version.replace(':', '%3a')}_all.deb"
        command = ["dpkg-deb", "-Znone", "-b", str(tree), str(path)]
        subprocess.run(command, check=True, capture_output=True)
        shutil.rmtree(tree)
        return path

    def index(self) -> None:
        """Write the repository's Packages file."""
        import hashlib

        stanzas = []
        for path in sorted(self.pool.glob("*.deb")):
            control = subprocess.run(["dpkg-deb", "-f", str(path)], check=True, capture_output=True, text=True).stdout
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            stanzas.append(f"{control}Filename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {digest}\n")
        (self.pool / "Packages").write_text("\n".join(stanzas))

    def run(self, *words: str) -> str:
        """What a program prints, on this root."""
        environment = {**os.environ, **self.environment, "LC_ALL": "C.UTF-8"}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def installed(self) -> dict[str, str]:
        """Versions of installed packages by name."""
        said = self.run("dpkg-query", "-W", "-f", "${Package} ${Version} ${Status}\n")
        fields = [line.split() for line in said.splitlines()]
        return {name: version for name, version, *status in fields if status[-1] == "installed"}

    def automatic(self) -> set[str]:
        """Packages that autoremove may take."""
        return set(self.run("apt-mark", "showauto").split())


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a repository with ``PACKAGES``."""
    made = DebianRoot(tmp_path_factory.mktemp("debian"))
    for package in PACKAGES:
        made.build(*package)
    made.index()
    return made.pool


@pytest.fixture
def debian(tmp_path: Path, pool: Path) -> DebianRoot:
    """An empty root with the repository, its lists not yet read."""
    if shutil.which("apt-get") is None:
        pytest.skip("left out: there is no apt on this machine")
    root = DebianRoot(tmp_path / "debian")
    shutil.copytree(pool, root.pool, dirs_exist_ok=True)
    return root


@pytest.fixture
def host(host_under: Callable[[Path], Any], interpreters: list[Path]) -> Any:
    """The modules under the oldest Python: starting apt and dpkg is slow, and what differs is little."""
    return host_under(interpreters[0])


@pytest.fixture
def apt(debian: DebianRoot, host: Any) -> Callable[..., dict[str, Any]]:
    """Runs the module ``apt`` on that root."""

    def call(**args: Any) -> dict[str, Any]:
        return dict(host("apt", environment=debian.environment, **args))

    return call
