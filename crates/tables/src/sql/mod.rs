//! Questions in SQL: images and datasets as tables of DataFusion.

mod images;
mod pushdown;
mod question;
mod table;

pub use images::{Images, Problems};
pub use question::{Output, Question};
pub use table::{NtfsTable, TableKind};
