//! Files by their paths, through the indexes of directories alone: without a catalog.

mod directory;
mod node;
mod path;
