"""What the second implementation (tools/secantus.py) does not have, or does otherwise than mongod: the tests that are
left out with it, each with what it is about."""

ONE_MEMBER = "it is a set of one"

LACKS: dict[tuple[str, str], str] = {
}
