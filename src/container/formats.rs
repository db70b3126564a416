//! The formats there are, in the order in which a file is shown to them.

use super::image::Format;
use super::vhd::Vhd;

/// All formats. The first one that recognizes a file has it.
pub(crate) const FORMATS: &[&dyn Format] = &[&Vhd];
