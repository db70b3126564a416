//! On-disk structures: bytes to views, without I/O.

pub(crate) mod attribute;
pub(crate) mod attribute_type;
pub(crate) mod boot_sector;
pub(crate) mod data_runs;
#[cfg(test)]
pub(crate) mod forge;
pub(crate) mod index;
pub(crate) mod index_entry;
pub(crate) mod index_record;
pub(crate) mod index_view;
pub(crate) mod non_resident;
pub(crate) mod record;
mod residue;
pub(crate) mod security_stream;
mod synthetic_record;
pub(crate) mod update_sequence;
pub mod value;

pub use attribute::{Attribute, AttributeFlags, Attributes};
pub use attribute_type::AttributeType;
pub use boot_sector::{BootSector, OemId};
pub use data_runs::{DataRun, DataRuns};
pub use index::{Collation, IndexNode, IndexNodeFlags, IndexRoot};
pub use index_entry::{IndexEntries, IndexEntry, IndexEntryFlags};
pub use index_record::IndexRecord;
pub use index_view::{ObjectIdEntry, QuotaEntry, QuotaFlags, QuotaOwnerEntry, ReparseEntry, security_header};
pub use non_resident::NonResident;
pub use record::{RecordFlags, RecordHeader};
pub use security_stream::{SecurityEntry, SecurityHeader, security_hash};
pub use update_sequence::{Protection, STRIDE, UpdateSequence};
