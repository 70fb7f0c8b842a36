"""The record of a run without what was encrypted.

Output shows a decrypted value where a task prints it, as ansible-core does; ``no_log`` is there for what must not be
seen. A record outlives the run, and whoever reads the store need not know the vault password.
"""

from __future__ import annotations

from stella_ops.engine.events import Event, Reporter
from stella_ops.redaction import Redactor
from stella_ops.vault.keyring import Keyring


class WithoutVault:
    """Hands events on with every text masked that the keyring has revealed so far."""

    def __init__(self, reporter: Reporter, keyring: Keyring) -> None:
        self._reporter = reporter
        self._keyring = keyring
        self._redactor = Redactor()
        self._known = 0

    def handle(self, event: Event) -> None:
        """See ``Reporter.handle``."""
        revealed = self._keyring.revealed
        while self._known < len(revealed):
            self._redactor.add(revealed[self._known])
            self._known += 1
        self._reporter.handle(self._redactor.scrub(event))

    def close(self) -> None:
        """See ``Reporter.close``."""
        self._reporter.close()
