//! Files by their paths, through the indexes of directories alone: without a catalog.

mod children;
mod directory;
#[cfg(test)]
mod large;
mod node;
mod path;

pub use children::{Child, Children};
