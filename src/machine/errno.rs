//! Why a system call failed, and how the two C libraries of the images say it.

/// The error of a system call, by its name in `errno.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Errno {
    /// `EACCES`
    Access,
    /// `EADDRINUSE`
    AddrInUse,
    /// `EADDRNOTAVAIL`
    AddrNotAvail,
    /// `EBADF`
    BadFd,
    /// `EBUSY`
    Busy,
    /// `ECHILD`
    Child,
    /// `ECONNREFUSED`
    ConnRefused,
    /// `ECONNRESET`
    ConnReset,
    /// `EEXIST`
    Exist,
    /// `EFBIG`
    FileTooBig,
    /// `EHOSTUNREACH`
    HostUnreach,
    /// `EINTR`
    Interrupted,
    /// `EINVAL`
    Invalid,
    /// `EIO`
    Io,
    /// `EISDIR`
    IsDir,
    /// `ELOOP`
    Loop,
    /// `EMFILE`
    ManyFiles,
    /// `ENAMETOOLONG`
    NameTooLong,
    /// `ENETUNREACH`
    NetUnreach,
    /// `ENOENT`
    NoEnt,
    /// `ENOEXEC`
    NoExec,
    /// `ENOMEM`
    NoMem,
    /// `ENOSPC`
    NoSpace,
    /// `ENOSYS`
    NoSys,
    /// `ENOTDIR`
    NotDir,
    /// `ENOTEMPTY`
    NotEmpty,
    /// `ENOTSUP`
    NotSup,
    /// `ENOTTY`
    NotTty,
    /// `ENXIO`
    NoDevice,
    /// `EPERM`
    Perm,
    /// `EPIPE`
    Pipe,
    /// `EAGAIN`
    Again,
    /// `EROFS`
    ReadOnly,
    /// `ESPIPE`
    Seek,
    /// `ESRCH`
    NoProcess,
    /// `ETIMEDOUT`
    TimedOut,
    /// `ETXTBSY`
    TextBusy,
    /// `EXDEV`
    CrossDevice,
}

impl Errno {
    /// As glibc's `strerror` says it.
    pub fn text(self) -> &'static str {
        match self {
            Errno::Access => "Permission denied",
            Errno::AddrInUse => "Address already in use",
            Errno::AddrNotAvail => "Cannot assign requested address",
            Errno::BadFd => "Bad file descriptor",
            Errno::Busy => "Device or resource busy",
            Errno::Child => "No child processes",
            Errno::ConnRefused => "Connection refused",
            Errno::ConnReset => "Connection reset by peer",
            Errno::Exist => "File exists",
            Errno::FileTooBig => "File too large",
            Errno::HostUnreach => "No route to host",
            Errno::Interrupted => "Interrupted system call",
            Errno::Invalid => "Invalid argument",
            Errno::Io => "Input/output error",
            Errno::IsDir => "Is a directory",
            Errno::Loop => "Too many levels of symbolic links",
            Errno::ManyFiles => "Too many open files",
            Errno::NameTooLong => "File name too long",
            Errno::NetUnreach => "Network is unreachable",
            Errno::NoEnt => "No such file or directory",
            Errno::NoExec => "Exec format error",
            Errno::NoMem => "Cannot allocate memory",
            Errno::NoSpace => "No space left on device",
            Errno::NoSys => "Function not implemented",
            Errno::NotDir => "Not a directory",
            Errno::NotEmpty => "Directory not empty",
            Errno::NotSup => "Operation not supported",
            Errno::NotTty => "Inappropriate ioctl for device",
            Errno::NoDevice => "No such device or address",
            Errno::Perm => "Operation not permitted",
            Errno::Pipe => "Broken pipe",
            Errno::Again => "Resource temporarily unavailable",
            Errno::ReadOnly => "Read-only file system",
            Errno::Seek => "Illegal seek",
            Errno::NoProcess => "No such process",
            Errno::TimedOut => "Connection timed out",
            Errno::TextBusy => "Text file busy",
            Errno::CrossDevice => "Invalid cross-device link",
        }
    }

    /// As musl's `strerror` says it, where it differs: Alpine's images are built with it.
    pub fn musl_text(self) -> &'static str {
        match self {
            Errno::AddrInUse => "Address in use",
            Errno::AddrNotAvail => "Address not available",
            Errno::Busy => "Resource busy",
            Errno::Child => "No child process",
            Errno::HostUnreach => "Host is unreachable",
            Errno::Io => "I/O error",
            Errno::Loop => "Symbolic link loop",
            Errno::ManyFiles => "No file descriptors available",
            Errno::NameTooLong => "Filename too long",
            Errno::NetUnreach => "Network unreachable",
            Errno::NoMem => "Out of memory",
            Errno::NotSup => "Not supported",
            Errno::NotTty => "Not a tty",
            Errno::Seek => "Invalid seek",
            Errno::TimedOut => "Operation timed out",
            Errno::CrossDevice => "Cross-device link",
            other => other.text(),
        }
    }
}
