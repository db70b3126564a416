//! On-disk structures: bytes to views, without I/O.

#[doc(hidden)]
pub mod attribute;
#[doc(hidden)]
pub mod attribute_type;
#[doc(hidden)]
pub mod boot_sector;
#[doc(hidden)]
pub mod data_runs;
#[cfg(test)]
pub(crate) mod forge;
#[doc(hidden)]
pub mod index;
#[doc(hidden)]
pub mod index_entry;
#[doc(hidden)]
pub mod index_record;
#[doc(hidden)]
pub mod index_view;
#[doc(hidden)]
pub mod non_resident;
#[doc(hidden)]
pub mod record;
mod residue;
#[doc(hidden)]
pub mod security_stream;
mod synthetic_record;
#[doc(hidden)]
pub mod update_sequence;
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
