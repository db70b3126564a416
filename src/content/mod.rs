//! The content of files: where each byte of a stream comes from, and reading it.

mod compressed_units;
pub(crate) mod decoder;
pub(crate) mod encoding;
mod mapper;
mod resident;
pub(crate) mod security;
pub(crate) mod stream_map;
pub(crate) mod stream_range;
pub(crate) mod stream_reader;

pub use encoding::Encoding;
pub use security::Security;
pub use stream_map::StreamMap;
pub use stream_range::{Missing, Origin, StreamRange};
pub use stream_reader::{Reading, StreamReader, Unproven};
