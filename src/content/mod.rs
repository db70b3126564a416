//! The content of files: where each byte of a stream comes from, and reading it.

mod compressed_units;
pub(crate) mod decoder;
pub mod encoding;
mod mapper;
mod resident;
pub mod security;
pub mod stream_map;
pub mod stream_range;
pub mod stream_reader;

pub use encoding::Encoding;
pub use security::Security;
pub use stream_map::StreamMap;
pub use stream_range::{Missing, Origin, StreamRange};
pub use stream_reader::{Reading, StreamReader, Unproven};
