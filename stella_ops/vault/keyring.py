"""The vault passwords that a command has, and decryption by them.

What reads files asks for the keyring in use (``current``): a file may be encrypted wherever one is read, and passwords
would otherwise have to be handed through every reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from stella_ops.errors import VaultError
from stella_ops.vault.envelope import DEFAULT_ID, is_encrypted, open_envelope


@dataclass(frozen=True, slots=True)
class Secret:
    """A password and the vault id it is known by."""

    vault_id: str
    password: bytes = field(repr=False)


class Keyring:
    """Passwords in the order in which they are tried.

    Args:
        match_only: data with a vault id is tried with that id's passwords alone (``ANSIBLE_VAULT_ID_MATCH``).
        default_id: the vault id of data that names none.

    Attributes:
        revealed: texts that were decrypted to be used in a run, in the order of their use. What is shown may hold
            them, as ansible-core has it; what is kept may not.
    """

    def __init__(
        self, secrets: Sequence[Secret] = (), *, match_only: bool = False, default_id: str = DEFAULT_ID
    ) -> None:
        self.secrets = tuple(secrets)
        self._match_only = match_only
        self._default_id = default_id
        self.revealed: list[str] = []

    def __repr__(self) -> str:
        return f"<Keyring of {len(self.secrets)} vault passwords>"

    def decrypt(self, data: str | bytes, where: object = None) -> bytes:
        """The plaintext of encrypted data.

        Args:
            where: the place that errors name.

        Raises:
            VaultError: it is damaged, or none of the passwords fits.
        """
        return self.unlock(data, where)[0]

    def unlock(self, data: str | bytes, where: object = None) -> tuple[bytes, Secret]:
        """The plaintext and the secret that fitted; raises VaultError as ``decrypt``."""
        try:
            envelope = open_envelope(data)
        except VaultError as problem:
            problem.where = problem.where or (None if where is None else str(where))
            raise
        wanted = envelope.vault_id or self._default_id
        fitting = [secret for secret in self.secrets if secret.vault_id == wanted]
        others = [] if self._match_only else [secret for secret in self.secrets if secret.vault_id != wanted]
        if fitting or others:
            from stella_ops.vault.cipher import decrypt

            for secret in (*fitting, *others):
                plain = decrypt(envelope, secret.password)
                if plain is not None:
                    return plain, secret
        raise self._refusal(envelope.vault_id, bool(fitting), where)

    def encrypting(self, vault_id: str | None) -> Secret:
        """The secret to encrypt with: that of a vault id, else the first.

        Raises:
            VaultError: there is none.
        """
        for secret in self.secrets:
            if vault_id is None or secret.vault_id == vault_id:
                return secret
        known = list(dict.fromkeys(secret.vault_id for secret in self.secrets))
        raise VaultError(f"Did not find a match for --encrypt-vault-id={vault_id} in the known vault-ids {known}")

    def _refusal(self, vault_id: str | None, had_fitting: bool, where: object) -> VaultError:
        named = f"vault id '{vault_id}'" if vault_id else "no vault id"
        source = f"--vault-id {vault_id or self._default_id}@FILE"
        if not self.secrets:
            return VaultError(
                "Attempting to decrypt but no vault secrets found: "
                f"this is encrypted ({named}), and there is no vault password",
                where=where,
                hint=f"give --vault-password-file FILE, {source}, or --ask-vault-pass",
            )
        tried = ", ".join(dict.fromkeys(secret.vault_id for secret in self.secrets))
        if self._match_only and not had_fitting:
            said = f"this is encrypted ({named}), and ANSIBLE_VAULT_ID_MATCH lets no password of another id be tried"
            return VaultError(said, where=where, hint=f"give {source}; there are passwords for: {tried}")
        return VaultError(
            "Decryption failed (no vault secrets were found that could decrypt): "
            f"this is encrypted ({named}), and no vault password fits: another password, or the data was changed",
            where=where,
            hint=f"tried were the passwords of: {tried}; give the right one with {source}",
        )


_in_use: ContextVar[Keyring] = ContextVar("vault_keyring", default=Keyring())  # noqa: B039 - it does not change


def current() -> Keyring:
    """The keyring in use: an empty one unless a command took one up."""
    return _in_use.get()


def take_up(keyring: Keyring) -> None:
    """Use a keyring from here on, in this thread and in the tasks that it starts."""
    _in_use.set(keyring)


def reveal(data: bytes, where: object) -> bytes:
    """The content of a file as it counts: decrypted by the keyring in use where it is encrypted.

    Raises:
        VaultError: it is encrypted and cannot be decrypted.
    """
    return current().decrypt(data, where) if is_encrypted(data) else data
