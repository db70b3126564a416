//! What attributes hold: one typed view for each attribute type.
