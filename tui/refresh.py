"""How often screens ask: quick while something lives, slow otherwise, ever slower while the server is away. Pure."""

LIVE_S = 5.0
QUIET_S = 30.0
LONGEST_S = 60.0


def pause_s(*, has_live: bool, failures: int) -> float:
    """Seconds until the next question. failures: how many in a row went wrong."""
    base = LIVE_S if has_live else QUIET_S
    return min(LIVE_S * 2**failures, LONGEST_S) if failures else base
