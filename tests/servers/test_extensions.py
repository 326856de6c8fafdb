"""Types of extensions: by the type's own name, in text and in binary form, in the stream and in a copy, and into a second
database."""

import pytest
from harness import MAJOR
from harness.replay import Replay

# extension: {type: literals}
EXTENSIONS = {
    "citext": {"citext": ["AbC", ""]},
    "hstore": {"hstore": ['"a"=>NULL, "b"=>"x y"', ""]},
    "ltree": {"ltree": ["Top.Science.Astronomy", ""], "lquery": ["Top.*{2}.a|b"]},
    "cube": {"cube": ["(1, 2),(3, 4.5)", "(7)"]},
    "isn": {"isbn13": ["978-0-393-04002-9"]},
    "seg": {"seg": ["1 .. 2.5"]},
    "postgis": {"geometry": ["SRID=4326;POINT(-71.1 42.3)", "POINT ZM (1 2 3 4)", "GEOMETRYCOLLECTION EMPTY"],
                "geometry(Polygon,3857)": ["SRID=3857;POLYGON((0 0,0 1,1 1,0 0))"],
                "geography": ["LINESTRING(-71.1 42.3,-70 41)"], "box2d": ["BOX(0 1,2 3)"]},
    "vector": {"vector": ["[1,2.5,-3]"], "vector(2)": ["[0.1,1e-20]"], "halfvec(3)": ["[1,0.5,-2]"],
               "sparsevec(5)": ["{1:1.5,3:-2}/5"]},
}


@pytest.mark.parametrize("way", ["text", pytest.param("binary", marks=pytest.mark.since(14, "binary values")), "copy"])
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_values(server, new_database, tidewire, extension, way):
    source, target = new_database(server), new_database(server)
    if source.sql(f"SELECT count(*) FROM pg_available_extensions WHERE name = '{extension}'") == "0":
        pytest.skip(f"Postgres {MAJOR} here has no extension {extension}")
    wanted = [(kind, literal) for kind, literals in EXTENSIONS[extension].items() for literal in [*literals, None]]
    ddl = (f"SET client_min_messages = error; CREATE EXTENSION {extension}; CREATE TABLE t (id int PRIMARY KEY, "
           + ", ".join(f"c{number} {kind}" for number, (kind, _) in enumerate(wanted)) + ")")
    source.ready(ddl)
    target.sql(ddl)
    source.sql("INSERT INTO t VALUES (1, " + ", ".join("NULL" if each is None else f"'{each}'" for _, each in wanted) + ")")
    if way == "copy":
        run = tidewire("snapshot", source.url(), "--publication", source.publication).succeed()
    else:
        run = tidewire(*source.stream("--until", "now", *(["--binary"] if way == "binary" else []))).succeed()
    row = next(each["after"] for each in run.ops("read", "insert") if each["table"] == "t")
    assert "TW-PG-BINARY-TYPE" not in run.stderr  # what tidewire has no text for, these servers send in text anyway
    names = {each["name"]: each.get("type") for each in
             next(each for each in run.ops("schema") if each["table"] == "t")["columns"]}
    shown = source.texts("SELECT " + ", ".join(f"c{number}::text" for number in range(len(wanted))) + " FROM t")
    for number, ((kind, literal), text) in enumerate(zip(wanted, shown, strict=True)):
        assert names[f"c{number}"] == kind.split("(")[0]
        assert row[f"c{number}"] == (None if literal is None else text)
    Replay(target).apply([each for each in run.lines if b'"table":"t"' in each])
    assert target.sql("SELECT t::text FROM t") == source.sql("SELECT t::text FROM t") != ""
