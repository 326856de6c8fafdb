"""Servers that soon forget what happened."""

from postgres import wait_for


def forgetful(new_server):
    """A set of one whose oplog holds little. Only what no checkpoint needs any more is cut, and there is one each second."""
    return new_server(oplog_mb=1, options=("--syncdelay", "1")).initiate()


def forget(client) -> None:
    """Writes until nothing that was there is left in the oplog."""
    before = client.admin.command("ping")["operationTime"]
    oplog = client.local["oplog.rs"]

    def forgotten():
        client["filler"].c.insert_many([{"text": "x" * 100_000} for _ in range(30)])
        return oplog.find_one(sort=[("$natural", 1)])["ts"] > before
    wait_for(forgotten, 60, "the oplog to be cut", 0.1)
