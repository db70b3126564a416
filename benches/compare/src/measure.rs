//! Runs a command to its end and asks the kernel what it took.

use std::io;
use std::mem::MaybeUninit;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::jobs::CommandLine;

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub wall: Duration,
    pub user: Duration,
    /// Peak resident memory in bytes. A child starts as a copy of its parent, so this is never below the few
    /// megabytes of this program.
    pub peak: u64,
}

/// Runs it with its output thrown away; a failure is an error, never a fast run.
pub fn run(line: &CommandLine) -> io::Result<Measured> {
    let mut command = Command::new(&line.program);
    command.args(&line.arguments).stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let child = command.spawn().map_err(|error| describe(line, error))?;
    let (status, usage) = wait(child.id()).map_err(|error| describe(line, error))?;
    let wall = start.elapsed();
    if status != 0 {
        return Err(describe(line, io::Error::other(format!("ended with wait status {status:#x}"))));
    }
    let user = Duration::new(usage.ru_utime.tv_sec as u64, usage.ru_utime.tv_usec as u32 * 1000);
    Ok(Measured { wall, user, peak: usage.ru_maxrss as u64 * 1024 })
}

fn describe(line: &CommandLine, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{} {}: {error}", line.program.display(), line.arguments.join(" ")))
}

/// Waits for a child of ours: its wait status and what it used.
fn wait(child: u32) -> io::Result<(i32, libc::rusage)> {
    let (mut status, mut usage) = (0, MaybeUninit::zeroed());
    loop {
        // SAFETY: both pointers are to live locals, and the child is waited for here only.
        let ended = unsafe { libc::wait4(child as libc::pid_t, &mut status, 0, usage.as_mut_ptr()) };
        if ended >= 0 {
            // SAFETY: zeroed is a valid rusage, and the kernel has filled it.
            return Ok((status, unsafe { usage.assume_init() }));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
