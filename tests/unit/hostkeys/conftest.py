from datetime import UTC, datetime

import asyncssh
import pytest

from stella_ops.store.database import Store
from stella_ops.store.host_keys import HostKey

NOW = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture(scope="session")
def public():
    """Makes Ed25519 keys: ``algorithm base64`` and the fingerprint."""

    def make():
        key = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
        return key.export_public_key("openssh").decode().strip(), key.get_fingerprint()

    return make


@pytest.fixture
def store(tmp_path):
    opened = Store.open(f"sqlite:///{tmp_path}/fleet.db")
    yield opened
    opened.close()


@pytest.fixture
def key():
    """Makes keys as the store has them."""

    def make(number=1, **changes):
        given = {
            "id": number,
            "host": f"web{number}",
            "name": f"10.0.0.{number}",
            "port": 22,
            "algorithm": "ssh-ed25519",
            "bits": 256,
            "fingerprint": f"SHA256:{number:043d}",
            "public_key": "ssh-ed25519 AAAA",
            "state": "new",
            "status": "pending",
            "first_seen_at": NOW,
            "last_seen_at": NOW,
            **changes,
        }
        return HostKey(**given)

    return make
