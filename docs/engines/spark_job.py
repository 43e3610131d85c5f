"""Logs into the tables of a fleet, by Spark: spark-submit spark_job.py LOGS OUT [TABLE...]

LOGS is Parquet with the columns path and content (and machine, boot, collected_at if they are known), OUT a folder, in
which each table is Parquet again. evlog-toolkit[tables] is installed where the workers run.
"""

import sys
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import SparkSession

from evlog.tables import spark_schema


def job(spark: SparkSession, logs: str, out: str, tables: list[str]) -> None:
    """Read the logs, and write each table."""
    for table in tables:

        def rows(batches: Iterator[pa.RecordBatch], table: str = table) -> Iterator[pa.RecordBatch]:
            from evlog.tables import map_batches  # in the worker: nothing of evlog travels there

            return map_batches(batches, table)

        made = spark.read.parquet(logs).mapInArrow(rows, spark_schema(table))
        made.write.mode("overwrite").parquet(f"{out}/{table}")


if __name__ == "__main__":
    session = (
        SparkSession.builder.appName("evlog")
        # Logs that are in a worker's memory at once: Spark's own number is 10,000.
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "64")
        # Times as every reader of Parquet knows them, in UTC; Spark's own are of another kind.
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    job(session, sys.argv[1], sys.argv[2], sys.argv[3:] or ["logs", "events", "registers", "findings"])
    session.stop()
