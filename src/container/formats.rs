//! The formats there are, in the order in which a file is shown to them.

use super::aff4::Aff4;
use super::ewf::Ewf;
use super::ewf2::Ewf2;
use super::image::Format;
use super::qcow2::Qcow2;
use super::split::Split;
use super::vdi::Vdi;
use super::vhd::Vhd;
use super::vhdx::Vhdx;
use super::vmdk::Vmdk;

/// All formats. The first one that recognizes a file has it.
pub(crate) const FORMATS: &[&dyn Format] = &[&Ewf, &Ewf2, &Aff4, &Qcow2, &Vhdx, &Vmdk, &Vdi, &Vhd, &Split];
