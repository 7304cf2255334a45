"""Who may ask: identities and their secrets.

One identity today, the root key of the appliance, which may do everything. Temporary keys (object-store.md 6.1) enter
here: `Keyring.key` then also derives secrets from a token, and `Identity.authorise` narrows what they may do. No table,
no process, no network: an unknown key costs what a known one costs.
"""

import hmac
import secrets
from dataclasses import dataclass, field

from appliance.embedded_s3.faults import S3Fault

# A secret nobody knows, so that an unknown key id is checked like a known one before it is refused.
_NOBODY = secrets.token_hex(32)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed. `subject` is the name in the log."""

    access_key: str
    subject: str

    def authorise(self, method: str, bucket: str, key: str) -> None:
        """Raise AccessDenied when this identity may not. The root key may do everything, so nothing is asked yet."""


@dataclass(frozen=True, slots=True)
class Key:
    """A secret and whom it stands for; no identity means that the key id is unknown."""

    secret: str = field(repr=False)
    identity: Identity | None


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys this process knows. Refuses to be made without them: a store open to everybody must not exist."""

    root_access_key: str
    root_secret_key: str = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.root_access_key) < 3 or len(self.root_secret_key) < 8:
            raise ValueError("keys of the store: absent or too short; allowed: at least 3 and 8 characters")

    def key(self, access_key: str, token: str) -> Key:
        """The secret behind a key id. Raises InvalidToken (403) for a session token with the root key."""
        if not hmac.compare_digest(access_key.encode(), self.root_access_key.encode()):
            return Key(_NOBODY, None)
        if token:
            raise S3Fault("InvalidToken", "these keys take no session token")
        return Key(self.root_secret_key, Identity(access_key, "root"))
