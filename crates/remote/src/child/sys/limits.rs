//! What a child takes from itself before it opens anything of others.
//!
//! Limits of memory, files and processor time are the kernel's rlimits; no file may grow, so none can be written. Landlock, where
//! the kernel has it, leaves one folder to read and nothing to write, connect or signal
//! (<https://docs.kernel.org/userspace-api/landlock.html>); without it a graph can still read what the server can.
#![allow(unsafe_code)]

use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    path::Path,
};

/// Files that a child may have open.
const FILES_MAX: u64 = 256;

/// Returns the ends that frames go through. What anyone else writes to standard output goes to standard error.
pub fn pipes() -> io::Result<(File, File)> {
    let from = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let to = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // SAFETY: both are open files of this process, and nobody relies on where the first one leads.
    checked(unsafe { libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) })?;
    Ok((from, to))
}

/// Sets the limits that hold as long as the process lives.
pub fn restrict(memory_bytes_max: u64) -> io::Result<()> {
    limit(libc::RLIMIT_AS, memory_bytes_max)?;
    limit(libc::RLIMIT_FSIZE, 0)?;
    limit(libc::RLIMIT_CORE, 0)?;
    limit(libc::RLIMIT_NOFILE, FILES_MAX)?;
    // SAFETY: these take and give numbers. A write past the limit of a file's size shall be an error, not a signal.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        checked(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
    }
    Ok(())
}

/// Allows so many seconds of processor time from now on.
pub fn allow_processor(seconds: u64) -> io::Result<()> {
    // SAFETY: all zeroes are a value of this plain struct, which the call fills.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `used` is a place for what the call writes.
    checked(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut used) })?;
    let used = used.ru_utime.tv_sec.saturating_add(used.ru_stime.tv_sec).saturating_add(1);
    let soft = seconds.saturating_add(u64::try_from(used).unwrap_or(0));
    let limits = libc::rlimit { rlim_cur: soft, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limits` is read only.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_CPU, &raw const limits) }).map(|_| ())
}

/// Sets a limit that nobody can raise again; the system's own, where that is lower, stays.
fn limit(resource: libc::__rlimit_resource_t, most: u64) -> io::Result<()> {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limits` is a place for what the call writes.
    checked(unsafe { libc::getrlimit(resource, &raw mut limits) })?;
    let most = most.min(limits.rlim_max);
    let limits = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: `limits` is read only.
    checked(unsafe { libc::setrlimit(resource, &raw const limits) }).map(|_| ())
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// What a ruleset of Landlock governs.
#[repr(C)]
#[derive(Default)]
struct Ruleset {
    files: u64,
    network: u64,
    scoped: u64,
}

/// What is allowed below a path.
#[repr(C, packed)]
struct Below {
    allowed: u64,
    parent: i32,
}

const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;

/// Rights over files by the versions of the interface: all of the first, then what each added.
const FILE_RIGHTS: [(i64, u64); 4] = [(1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15)];

/// Files of the system that the libraries read to find how they run best; they tell of this process and the machine.
const HARMLESS: [&str; 10] = [
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/dev/null",
    "/dev/urandom",
    "/usr/lib/locale",
    "/usr/share/zoneinfo",
];

/// Leaves the calling thread, and those that it starts from now on, nothing but to read the folder. Returns whether the kernel can.
pub fn confine(folder: &Path) -> bool {
    confined(folder).is_ok()
}

fn confined(folder: &Path) -> io::Result<()> {
    const CREATE: libc::c_long = 444;
    const ADD: libc::c_long = 445;
    const RESTRICT: libc::c_long = 446;
    const PATH_BENEATH: libc::c_int = 1;
    // SAFETY: this takes numbers. No program that is started from here has more rights than this one.
    checked(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    // SAFETY: with no ruleset and this flag the call returns the version of the interface.
    let version = unsafe { libc::syscall(CREATE, std::ptr::null::<Ruleset>(), 0usize, 1u32) };
    if version < 1 {
        return Err(io::Error::last_os_error());
    }
    let rights = FILE_RIGHTS.iter().filter(|(since, _)| *since <= version);
    let ruleset = Ruleset {
        files: rights.fold(0, |all, (_, rights)| all | rights),
        // To bind and to connect by TCP; sockets and signals to others.
        network: if version >= 4 { 3 } else { 0 },
        scoped: if version >= 6 { 3 } else { 0 },
    };
    // SAFETY: `ruleset` is read only, and its size is told. Older kernels take more than they know where that is zero.
    let made = unsafe { libc::syscall(CREATE, &raw const ruleset, size_of::<Ruleset>(), 0u32) };
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call gave a file descriptor to us alone.
    let rules = unsafe { OwnedFd::from_raw_fd(made as i32) };
    let places = HARMLESS.iter().map(Path::new).filter(|path| path.exists()).chain([folder]);
    for place in places {
        let parent = File::open(place)?;
        let is_folder = parent.metadata()?.is_dir();
        let allowed = if is_folder { READ_FILE | READ_DIR } else { READ_FILE };
        let below = Below { allowed, parent: parent.as_raw_fd() };
        // SAFETY: `below` is read only; both descriptors are open.
        let added = unsafe { libc::syscall(ADD, rules.as_raw_fd(), PATH_BENEATH, &raw const below, 0u32) };
        if added < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // SAFETY: the descriptor is open; the call takes rights from this thread and those that it starts.
    let restricted = unsafe { libc::syscall(RESTRICT, rules.as_raw_fd(), 0u32) };
    if restricted < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A confined thread sees its folder alone; without Landlock there is nothing to see.
    #[test]
    fn a_confined_thread_reads_its_folder_and_writes_nothing() {
        let root = std::env::temp_dir().join(format!("forebay-confined-{}", std::process::id()));
        let (own, other) = (root.join("own"), root.join("other"));
        for folder in [&own, &other] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("file"), "x").unwrap();
        }
        let (inside, outside) = (own.join("file"), other.join("file"));
        let seen = std::thread::spawn(move || {
            let is_confined = confine(&own);
            let kind = |result: io::Result<()>| result.err().map(|error| error.kind());
            let read = |path: &Path| kind(fs::read(path).map(|_| ()));
            (is_confined, read(&inside), read(&outside), kind(fs::write(own.join("new"), "x")))
        });
        let (is_confined, inside, outside, written) = seen.join().unwrap();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(inside, None);
        let refused = is_confined.then_some(io::ErrorKind::PermissionDenied);
        assert_eq!((outside, written), (refused, refused));
    }

    #[test]
    fn time_of_the_processor_is_given_anew() {
        allow_processor(1_000).unwrap();
        let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limits` is a place for what the call writes.
        checked(unsafe { libc::getrlimit(libc::RLIMIT_CPU, &raw mut limits) }).unwrap();
        assert!((1_000..100_000).contains(&limits.rlim_cur) && limits.rlim_max == libc::RLIM_INFINITY);
    }
}
