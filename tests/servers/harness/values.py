"""Random values of Postgres types, as literals. Every generator takes a random.Random and gives one literal."""

import calendar
import math
import struct
from random import Random

# What the quoting rules of arrays, composites, ranges, hstore and tsvector care about, and what they must not.
ODD = ['"', "\\", "{", "}", "(", ")", "[", "]", ",", ";", ":", "=", "'", " ", "\t", "\n", "\v", "\f", "\r", "&", "|",
       "!", "*", "a", "b", "N", "U", "L", "n", "u", "l", "0", "-", "\x01", "\x7f", "\u00a0", "\u0085", "é", "\u3000",
       "🐘"]
WORDS = ["", "NULL", "null", "nUlL", "NULLs", " ", "empty", "t", "-1", "{}", "()", '""', "\\", "\\\\x", "a b"]


def odd_text(r: Random, most: int = 8) -> str:
    return r.choice(WORDS) if r.random() < 0.2 else "".join(r.choice(ODD) for _ in range(r.randint(0, most)))


def integer(bits: int):
    """Of any size: small ones as often as large ones."""
    return lambda r: str(r.choice([1, -1]) * r.getrandbits(r.randint(1, bits - 1)))


def unsigned(bits: int):
    return lambda r: str(r.getrandbits(r.randint(1, bits)))


# Floating point.

def float_text(number: float) -> str:
    return "NaN" if math.isnan(number) else repr(number).replace("inf", "Infinity")


def halfway(r: Random, bits: int) -> str:
    """A short decimal exactly between two numbers of `bits` bits of mantissa: the one thing in which Postgres'
    shortest digits differ from those of other programs."""
    while True:
        power = r.randint(1, int(bits * math.log(2, 5)))
        low, high = -(-2**bits // 5**power), (2**(bits + 1) - 1) // 5**power
        odd = r.randint(low, high) | 1
        if odd <= high:
            return f"{odd * 2**r.randint(0, 8)}e{power}"


def float8(r: Random) -> str:
    kind = r.randint(0, 7)
    if kind == 0:
        return float_text(struct.unpack("d", r.randbytes(8))[0])
    if kind == 1:
        return f"{r.randint(-10**6, 10**6) / 10**r.randint(0, 6)!r}"
    if kind == 2:
        return f"{r.randint(-10**17, 10**17)}e{r.randint(-30, 30)}"
    if kind == 3:
        return halfway(r, 53)
    if kind == 4:
        return str(r.getrandbits(r.randint(1, 64)))
    if kind == 5:
        return float_text(math.ldexp(r.getrandbits(r.randint(1, 54)), r.randint(-1074, 900)))
    if kind == 6:
        return float_text(r.gauss(0, 10**r.randint(-6, 6)))
    return r.choice(["NaN", "Infinity", "-Infinity", "0", "-0", "1", "-1", "5e-324", "1e15", "1e14", "1e-4", "1e-5"])


def float4_of(bits: int) -> str:
    return float_text(struct.unpack("f", struct.pack("I", bits))[0])


def float4(r: Random) -> str:
    kind = r.randint(0, 5)
    if kind == 0:
        return float4_of(r.getrandbits(32))
    if kind == 1:
        return f"{r.randint(-10**5, 10**5) / 10**r.randint(0, 5)!r}"
    if kind == 2:
        return halfway(r, 24)
    if kind == 3:
        return str(r.getrandbits(r.randint(1, 40)))
    if kind == 4:
        return f"{r.randint(-10**8, 10**8)}e{r.randint(-40, 29)}"
    return r.choice(["NaN", "Infinity", "-Infinity", "0", "-0", "1e-45", "1e6", "1e5", "1e-4", "1e-5", "3.4028235e38"])


def plain_float(r: Random) -> str:
    return r.choice([str(r.randint(-9, 9)), repr(r.uniform(-1e4, 1e4)), f"{r.randint(1, 99)}e{r.randint(-20, 20)}"])


def numeric(r: Random) -> str:
    kind, sign = r.randint(0, 4), r.choice(["", "-"])
    if kind == 0:
        return f"{sign}{r.getrandbits(r.randint(1, 400))}"
    if kind == 1:
        return f"{sign}{r.getrandbits(r.randint(1, 200))}.{r.getrandbits(r.randint(1, 200))}"
    if kind == 2:
        return f"{sign}{r.randint(0, 10**r.randint(1, 9))}e{r.randint(-60, 60)}"
    if kind == 3:
        return f"{sign}0.{'0' * r.randint(0, 20)}{r.randint(0, 10**r.randint(1, 9))}{'0' * r.randint(0, 9)}"
    return f"{sign}{r.randint(0, 9999)}{'0' * r.randint(0, 12)}.{'0' * r.randint(0, 12)}{r.choice(['', '7'])}"


# Dates and times.

def day(r: Random, first_year: int, last_year: int) -> tuple[str, str]:
    """(YYYY-MM-DD, " BC" or nothing); year 0 is 1 BC."""
    year = r.choice([r.randint(first_year, last_year), r.randint(-10, 10), r.randint(1900, 2100),
                     r.randint(9990, 10010)])
    month = r.choice([2, r.randint(1, 12)])
    shown = 1 - year if year <= 0 else year
    leap = calendar.isleap(year)
    last = 29 if month == 2 and leap else 28 if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    return f"{shown:04}-{month:02}-{r.choice([1, last, r.randint(1, last)]):02}", " BC" if year <= 0 else ""


def clock(r: Random) -> str:
    fraction = r.choice(["", f".{r.randint(0, 999999):06}", f".{r.randint(0, 999):03}", ".000001", ".1", ".999999"])
    return f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}{fraction}"


def date(r: Random) -> str:
    return "".join(day(r, -4712, 5874897))


def timestamp(r: Random) -> str:
    date, era = day(r, -4712, 294275)
    return f"{date} {clock(r)}{era}"


def offset(r: Random) -> str:
    return r.choice("+-") + r.choice([f"{r.randint(0, 15):02}", f"{r.randint(0, 15):02}:{r.randint(0, 59):02}",
                                      f"{r.randint(0, 15):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}"])


def timestamp_tz(r: Random) -> str:
    date, era = day(r, -4711, 294275)
    return f"{date} {clock(r)}{offset(r)}{era}"


def interval(r: Random) -> str:
    def part(most: int) -> int:
        return r.choice([0, 0, 1, -1, r.randint(-40, 40), r.randint(-most, most)])
    hours = r.choice([0, 0, r.randint(0, 30), r.randint(0, 2**31 - 2)])
    time = "" if r.random() < 0.3 else f"{r.choice(['', '-'])}{hours:02}:" + clock(r).split(":", 1)[1]
    return f"{part(178956969)} years {part(10)} mons {part(2**31 - 1)} days {time}"


# Addresses, bits, identifiers.

def address(r: Random, network: bool) -> str:
    size = r.choice([4, 16])
    length = r.choice([8 * size, r.randint(0, 8 * size)])
    word = [0, 0, 0, 0xffff, r.getrandbits(16), r.getrandbits(4)]
    number = int.from_bytes(r.randbytes(4), "big") if size == 4 else \
        int("".join(f"{r.choice(word):04x}" for _ in range(8)), 16)
    if network:
        number = number >> (8 * size - length) << (8 * size - length)
    if size == 4:
        text = ".".join(str(byte) for byte in number.to_bytes(4, "big"))
    else:
        digits = f"{number:032x}"
        text = ":".join(digits[i:i + 4] for i in range(0, 32, 4))
    return f"{text}/{length}"


def bits(r: Random) -> str:
    return "".join(r.choice("01") for _ in range(r.randint(0, 40)))


def colons(count: int):
    return lambda r: ":".join(f"{byte:02x}" for byte in r.randbytes(count))


def lsn(r: Random) -> str:
    return f"{r.getrandbits(r.randint(1, 32)):X}/{r.getrandbits(r.randint(1, 32)):X}"


def snapshot(r: Random) -> str:
    points = sorted({r.randint(1, 2**r.choice([8, 40, 62])) for _ in range(r.randint(2, 9))} | {1, 2**63 - 2})
    return f"{points[0]}:{points[-1]}:{','.join(map(str, points[1:-1]))}"


# Geometry.

def point(r: Random) -> str:
    return f"({plain_float(r)},{plain_float(r)})"


def points(r: Random, least: int, most: int) -> str:
    return ",".join(point(r) for _ in range(r.randint(least, most)))


def path(r: Random) -> str:
    return f"[{points(r, 1, 5)}]" if r.random() < 0.5 else f"({points(r, 1, 5)})"


def cube(r: Random) -> str:
    size = r.randint(1, 5)
    corners = ["(" + ",".join(r.choice([plain_float(r), "1", "0"]) for _ in range(size)) + ")" for _ in range(2)]
    return corners[0] if r.random() < 0.3 else ",".join(r.choice([corners, [corners[0]] * 2]))


# Text search.

def lexeme(r: Random) -> str:
    text = odd_text(r).replace("\x01", "") or "x"
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def tsvector(r: Random) -> str:
    def one() -> str:
        positions = ",".join(f"{r.randint(1, 16383)}{r.choice(['', *'ABCDabcd'])}" for _ in range(r.randint(0, 4)))
        return lexeme(r) + (f":{positions}" if positions else "")
    return " ".join(one() for _ in range(r.randint(0, 6)))


def tsquery(r: Random, depth: int = 0) -> str:
    if depth > 5 or r.random() < 0.3:
        suffix = "".join(each for each in "*ABCD" if r.random() < 0.2)
        return lexeme(r) + (f":{suffix}" if suffix else "")
    if r.random() < 0.2:
        return f"!{'(' + tsquery(r, depth + 1) + ')'}"
    operator = r.choice(["&", "|", "<->", f"<{r.choice([0, 1, 2, 16384])}>"])
    return f"({tsquery(r, depth + 1)}) {operator} ({tsquery(r, depth + 1)})"


# Values of values: a generator of what is within gives one of what is around.

def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def array(element, delimiter: str = ",", nulls: bool = True):
    def make(r: Random) -> str:
        if r.random() < 0.05:
            return "{}"
        sizes = [r.randint(1, 5)] if r.random() < 0.6 else [r.randint(1, 2) for _ in range(r.randint(2, 6))]

        def level(d: int) -> str:
            if d == len(sizes):
                return "NULL" if nulls and r.random() < 0.15 else quoted(element(r))
            return "{" + delimiter.join(level(d + 1) for _ in range(sizes[d])) + "}"
        bounds = [r.choice([1, 0, -3, 7, 2**31 - 20, -2**31]) for _ in sizes]
        shape = "".join(f"[{low}:{low + size - 1}]" for low, size in zip(bounds, sizes, strict=True))
        return (shape + "=" if r.random() < 0.25 else "") + level(0)
    return make


def composite(*fields):
    def make(r: Random) -> str:
        return "(" + ",".join("" if r.random() < 0.15 else quoted(each(r)) for each in fields) + ")"
    return make


def span(bound, key):
    """A range; `key` orders its bounds."""
    def make(r: Random) -> str:
        if r.random() < 0.05:
            return "empty"
        low, high = sorted((bound(r) for _ in range(2)), key=key)
        return (r.choice("[(") + ("" if r.random() < 0.15 else quoted(low)) + ","
                + ("" if r.random() < 0.15 else quoted(high)) + r.choice("])"))
    return make


def spans(one):
    return lambda r: "{" + ",".join(one(r) for _ in range(r.randint(0, 5))) + "}"


def hstore(r: Random) -> str:
    return ",".join(f"{quoted(odd_text(r))}=>{r.choice(['NULL', quoted(odd_text(r))])}" for _ in range(r.randint(0, 5)))
