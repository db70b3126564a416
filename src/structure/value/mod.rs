//! What attributes hold: one typed view for each attribute type.

pub mod access_control_list;
pub mod attribute_list;
pub mod bitmap;
pub mod extended_attributes;
pub mod file_attributes;
pub mod file_name;
pub mod object_id;
pub mod reparse_tag;
pub mod security_descriptor;
pub mod standard_information;
pub mod volume;
