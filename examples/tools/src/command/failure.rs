//! Why a run failed.

use std::fmt::{self, Display};
use std::io::{self, Write};

/// Why a run failed: it ends with exit code 1.
#[derive(Debug)]
pub enum Failure {
    /// One sentence for the user.
    Message(String),
    /// Whoever read the output has gone: nothing to say.
    ClosedPipe,
}

impl Failure {
    pub fn new(what: impl Display, why: impl Display) -> Self {
        Self::Message(format!("{what}: {why}"))
    }

    /// Of writing to `what`.
    pub fn of_writing(what: impl Display, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::new(format_args!("cannot write {what}"), error),
        }
    }

    pub fn report(&self) {
        if let Self::Message(message) = self {
            say(format_args!("error: {message}"));
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.write_str(message),
            Self::ClosedPipe => f.write_str("the reader of the output has gone"),
        }
    }
}

/// Prints a line for the user. A closed standard error is no reason to fail.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
