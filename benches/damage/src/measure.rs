//! Runs a tool to its end, or to the end of its time, and asks the kernel what it took.

use std::error::Error;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::ops::AddAssign;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, iter};

use serde::{Deserialize, Serialize};

/// What a Rust program ends with when it panics.
const PANIC: i32 = 101;
/// Longer than this no tool may take.
const LIMIT: Duration = Duration::from_secs(120);
/// The first argument of this program when it is to run another one.
const RUN: &str = "--run-measured";

/// What the runs of a tool took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
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
///
/// A child's peak of memory starts with that of its parent, so this program, which holds the truth, starts itself
/// anew to be the parent.
pub fn run(command: &Command, said: &Path) -> Result<Cost, Box<dyn Error>> {
    let mut parent = Command::new(env::current_exe()?);
    parent.arg(RUN).arg(said).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        parent.current_dir(folder);
    }
    let output = parent.stderr(Stdio::inherit()).output()?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{command:?}: {error}").into())
}

/// The part of the parent, if that is what this program was started for.
pub fn as_parent() -> Option<Result<(), Box<dyn Error>>> {
    let mut arguments = env::args_os().skip(1);
    arguments.next().filter(|first| first == RUN)?;
    let mut next = iter::from_fn(|| arguments.next());
    let (said, program) = (next.next()?, next.next()?);
    let mut command = Command::new(program);
    command.args(next);
    let print = |cost| {
        println!("{}", serde_json::to_string(&cost)?);
        Ok(())
    };
    Some(measured(&mut command, Path::new(&said)).and_then(print))
}

fn measured(command: &mut Command, said: &Path) -> Result<Cost, Box<dyn Error>> {
    let out = File::create(said)?;
    // Programs for a terminal want to know which.
    command.env("TERM", "xterm").stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out);
    let start = Instant::now();
    let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
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
        std::thread::sleep(Duration::from_millis(1));
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
