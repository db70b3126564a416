"""Asks an engine the same questions of a dataset: engines.py ENGINE DIR, answers as JSON."""
import json
import sys

engine, folder = sys.argv[1:]
entries = folder + "/entries"
if engine == "duckdb":
    import duckdb

    table = f"read_parquet('{entries}/**/*.parquet', hive_partitioning=true)"
    ask = lambda sql: duckdb.sql(sql.format(table=table)).fetchall()
    by_state = ask("select image, state, count(*), sum(size)::bigint from {table} group by all")
    rows = ask("select image, volume, record, sequence, coalesce(path, ''), created_filetime from {table}")
    runs = ask("select coalesce(sum(len(runs)), 0)::bigint from {table}")[0][0]
elif engine == "polars":
    import polars

    table = polars.scan_parquet(entries, hive_partitioning=True)
    grouped = table.group_by("image", polars.col("state").cast(polars.String)).agg(polars.len(), polars.col("size").sum())
    by_state = [list(row) for row in grouped.collect().rows()]
    columns = ["image", polars.col("volume").cast(polars.String), "record", "sequence", polars.col("path").fill_null(""), "created_filetime"]
    rows = [list(row) for row in table.select(columns).collect().rows()]
    runs = table.select(polars.col("runs").list.len().sum()).collect().item()
elif engine == "pyarrow":
    import pyarrow.compute
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(entries)
    states = {}
    for row in table.select(["image", "state", "size"]).to_pylist():
        sums = states.setdefault((row["image"], row["state"]), [0, 0])
        sums[0] += 1
        sums[1] += row["size"] or 0
    by_state = [[*key, *sums] for key, sums in states.items()]
    names = ["image", "volume", "record", "sequence", "path", "created_filetime"]
    rows = [[row[name] if name != "path" else row[name] or "" for name in names] for row in table.select(names).to_pylist()]
    runs = pyarrow.compute.sum(pyarrow.compute.list_value_length(table["runs"])).as_py() or 0
elif engine == "datafusion":
    import datafusion
    import pyarrow

    session = datafusion.SessionContext()
    session.register_listing_table("entries", entries, table_partition_cols=[("image", pyarrow.string())], file_extension=".parquet")
    ask = lambda sql: [list(row.values()) for row in session.sql(sql).to_pylist()]
    by_state = ask("select image, state, count(*) as rows, sum(size) as bytes from entries group by image, state")
    rows = ask("select image, volume, record, sequence, coalesce(path, '') as path, created_filetime from entries")
    runs = int(ask("select coalesce(sum(array_length(runs)), 0) as runs from entries")[0][0])
else:
    sys.exit(f"no such engine: {engine}")
by_state = sorted([image, state, count, size or 0] for image, state, count, size in by_state)
rows = sorted((list(row) for row in rows), key=json.dumps)
json.dump({"by_state": by_state, "rows": rows, "runs": runs}, sys.stdout)
