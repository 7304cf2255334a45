"""Parts: what `assembly` built once and hands to handlers and runner. No logic."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.database.connection import Database
from appliance.settings import Settings
from appliance.workflow.records import Limits

if TYPE_CHECKING:
    from appliance.identity import Accounts
    from appliance.services.registry import Registry
    from appliance.store.s3 import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """`ring(n)` wakes up to n workers; call it after the transaction that made items ready has committed.

    health: name of a part -> a function that answers None when it is well, else the reason in one sentence.
    """

    settings: Settings
    state: Database
    catalog: Database
    accounts: "Accounts"
    store: "Store"
    registry: "Registry"
    limits: Limits
    ring: Callable[[int], None]
    now: Callable[[], datetime]
    started_at: datetime
    version: str
    health: dict[str, Callable[[], str | None]] = field(default_factory=dict)
