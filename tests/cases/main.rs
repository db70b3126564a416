//! The cases of recovery, each a test named for it. `testdata/README.md` has the table of all of them.

mod deleted;
mod known;
mod large;
mod objects;
mod patched;
