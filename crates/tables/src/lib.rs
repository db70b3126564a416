//! NTFS volumes as tables: every file, link and stream of a volume as Arrow record batches, and as datasets of Parquet
//! files that DuckDB, Polars, Spark and DataFusion read.
//!
//! [`schema`] says what the tables are, SCHEMA.md the same for people. [`scan::rows`] makes them from a
//! [`Catalog`](ntfs_salvage::Catalog), straight from its parallel pass, and [`dataset`] keeps them in files.

pub mod command;
pub mod dataset;
pub mod scan;
pub mod schema;
#[cfg(feature = "sql")]
pub mod sql;

mod columns;
mod entry_rows;
mod lists;
mod parquet_file;
mod range_rows;
