"""Passing one user's jobs to another: what `anonymous` did becomes the first account's. One transaction; it commits."""

from appliance.database.connection import Database


def hand_over_jobs(db: Database, giver: str, taker: str) -> int:
    """Jobs, their counters and their labels; how many jobs. Joins a transaction that is open already."""
    with db.immediate() as connection:
        moved = connection.execute("UPDATE jobs SET username = ? WHERE username = ?", (taker, giver)).rowcount
        connection.execute("UPDATE user_work SET username = ? WHERE username = ?", (taker, giver))
        connection.execute("UPDATE OR IGNORE user_labels SET username = ? WHERE username = ?", (taker, giver))
        connection.execute("DELETE FROM user_labels WHERE username = ?", (giver,))
    return moved
