#!/usr/bin/env python3
"""The initial copy against psql's COPY … (FORMAT binary) of the same table, both into /dev/null.

  bench/snapshot.py TIDEWIRE [--runs N] [--small] [--workers 1,2,4]

Every round runs psql and each number of workers, in an order that changes; the first round is thrown away.
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from live import Process
from server import throwaway_server

TABLES = {
    # pgbench_accounts in form; and the types of an ordinary application.
    "narrow": ("CREATE TABLE narrow (aid int PRIMARY KEY, bid int, abalance int, filler char(84)); INSERT INTO narrow "
               "SELECT i, i % 50, i % 10000, 'filler' FROM generate_series(1, {rows}) i", 3_000_000),
    "wide": ("CREATE TABLE wide (id bigint PRIMARY KEY, name text, mail text, at timestamptz, day date, price "
             "numeric(12,2), ratio float8, ok bool, key uuid, doc jsonb, n int, tags text[]); INSERT INTO wide SELECT i, "
             "'name ' || i, md5(i::text) || '@example.com', '2024-01-01'::timestamptz + i * interval '1 s', "
             "'2020-01-01'::date + i % 3000, (i % 100000) / 100.0, i / 7.0, i % 2 = 0, md5(i::text)::uuid, "
             "jsonb_build_object('a', i, 'b', 'text'), i % 1000, ARRAY['x', 'y' || i % 10] "
             "FROM generate_series(1, {rows}) i", 600_000),
}


def run(tidewire: Path, runs: int, small: bool, workers: list[int]) -> list[dict]:
    results = []
    with throwaway_server() as server:
        for name, (sql, rows) in TABLES.items():
            rows = rows // 20 if small else rows
            server.sql(sql.format(rows=rows))
            server.sql(f"VACUUM ANALYZE {name}; DROP PUBLICATION IF EXISTS p; CREATE PUBLICATION p FOR TABLE {name}; "
                       f"CHECKPOINT")
            size = int(server.sql(f"SELECT pg_relation_size('{name}')"))
            clients = {"psql": [*server.psql(), "-c", f"COPY {name} TO STDOUT (FORMAT binary)"]}
            for count in workers:
                clients[f"{count} worker{'s' * (count > 1)}"] = [
                    str(tidewire), "snapshot", server.url(), "--publication", "p", "--workers", str(count), "--quiet"]
            figures = {each: [] for each in clients}
            for number in range(runs + 1):
                order = list(clients) if number % 2 else list(clients)[::-1]
                for each in order:
                    used = Process(clients[each]).end()
                    if number:
                        figures[each].append(used)
            for each, found in figures.items():
                ratios = [ours.wall_s and psql.wall_s / ours.wall_s for psql, ours in zip(figures["psql"], found)]
                wall = statistics.median(used.wall_s for used in found)
                results.append({"scenario": f"snapshot {name}", "client": each, "rows": rows, "wall_s": wall,
                                "cpu_s": statistics.median(used.cpu_s for used in found),
                                "rss_mb": max(used.rss_mb for used in found), "mb_s": size / wall / 1e6,
                                "rows_s": rows / wall, "times_psql": statistics.median(ratios)})
    return results


def line(of: dict) -> str:
    return (f"{of['scenario']:16} {of['client']:10} {of['wall_s']:6.2f} s  {of['rows_s'] / 1e6:5.2f} Mrows/s  "
            f"{of['mb_s']:6.0f} MB/s of table  CPU {of['cpu_s']:5.2f} s  {of['rss_mb']:5.1f} MB  "
            f"{of['times_psql']:5.2f} x psql's rate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tidewire", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--workers", type=lambda text: [int(each) for each in text.split(",")], default=[1, 2, 4])
    chosen = parser.parse_args()
    for each in run(chosen.tidewire, chosen.runs, chosen.small, chosen.workers):
        print(line(each))


if __name__ == "__main__":
    main()
