//! Runs a tool to its end, or to the end of its time, and asks the kernel what it took.

use std::fs::{self, File};
use std::io;
use std::mem::MaybeUninit;
use std::ops::AddAssign;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What a Rust program ends with when it panics.
const PANIC: i32 = 101;
/// Longer than this no tool may take.
const LIMIT: Duration = Duration::from_secs(120);

/// What the runs of a tool took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub wall: Duration,
    pub user: Duration,
    /// Peak resident memory in bytes.
    pub peak: u64,
    /// How many of the runs were stopped at the end of their time.
    pub stopped: u32,
    /// How many of them were ended by a signal or a panic.
    pub crashed: u32,
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.user += other.user;
        self.peak = self.peak.max(other.peak);
        self.stopped += other.stopped;
        self.crashed += other.crashed;
    }
}

/// Runs it, what it says going to `said`. On damaged volumes a failure is a result, too: what counts is what a tool
/// has given until then.
pub fn run(command: &mut Command, said: &Path) -> io::Result<Cost> {
    let out = File::create(said)?;
    command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out);
    // A child's peak starts with that of its parent: ours is forgotten first, where the kernel lets us.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let start = Instant::now();
    let child = command.spawn().map_err(|error| io::Error::new(error.kind(), format!("{command:?}: {error}")))?;
    let mut cost = Cost::default();
    let (status, usage) = loop {
        if let Some(end) = ended(child.id())? {
            break end;
        }
        if start.elapsed() > LIMIT && cost.stopped == 0 {
            cost.stopped = 1;
            // SAFETY: the child is ours and has not been waited for.
            unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGKILL) };
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    cost.wall = start.elapsed();
    cost.crashed = u32::from(status.code().is_none_or(|code| code == PANIC) && cost.stopped == 0);
    cost.user = Duration::new(usage.ru_utime.tv_sec as u64, usage.ru_utime.tv_usec as u32 * 1000);
    cost.peak = usage.ru_maxrss as u64 * 1024;
    Ok(cost)
}

/// How a child of ours ended and what it used, once it has ended.
fn ended(child: u32) -> io::Result<Option<(ExitStatus, libc::rusage)>> {
    let (mut status, mut usage) = (0, MaybeUninit::zeroed());
    // SAFETY: both pointers are to live locals, and the child is waited for here only.
    match unsafe { libc::wait4(child as libc::pid_t, &mut status, libc::WNOHANG, usage.as_mut_ptr()) } {
        0 => Ok(None),
        // SAFETY: zeroed is a valid rusage, and the kernel has filled it.
        ended if ended > 0 => Ok(Some((ExitStatus::from_raw(status), unsafe { usage.assume_init() }))),
        _ => Err(io::Error::last_os_error()),
    }
}
