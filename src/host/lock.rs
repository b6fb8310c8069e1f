//! The lock that commands take which handle whole files: one at a time in a folder.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::private;

/// The lock's file. It is never removed: else two processes could hold locks of that name.
pub(super) const NAME: &str = "lock";

/// How long it is slept between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// After how many attempts the user is told what is waited for: a second.
const SILENT: u32 = 200;

/// How many attempts there are at most: half a minute.
const ATTEMPTS: u32 = 6_000;

/// A lock that is held until it is dropped, or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: Option<File>,
}

/// Takes the lock of a folder. What is waited for after a second is handed to `say`.
///
/// Where the file system knows no locks, nothing is locked.
///
/// # Errors
/// The system's; `TimedOut` when another process holds it for half a minute.
pub fn lock(folder: &Path, say: &dyn Fn(&str)) -> io::Result<Lock> {
    let mut file = private::open_or_create(&folder.join(NAME))?;
    for attempt in 0.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(_)) => return Ok(Lock { _file: None }),
            Err(TryLockError::WouldBlock) if attempt == ATTEMPTS => {
                return Err(io::Error::new(ErrorKind::TimedOut, format!("{} holds the lock", holder(&mut file))));
            }
            Err(TryLockError::WouldBlock) => {
                if attempt == SILENT {
                    say(&holder(&mut file));
                }
                sleep(PAUSE);
            }
        }
    }
    // OBSERVATION: a full disk leaves the name of an earlier holder there, which is only shown.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", super::process::described()));
    Ok(Lock { _file: Some(file) })
}

/// Takes the lock of a folder if nobody holds it.
pub fn try_lock(folder: &Path) -> Option<Lock> {
    let file = private::open_or_create(&folder.join(NAME)).ok()?;
    file.try_lock().is_ok().then_some(Lock { _file: Some(file) })
}

fn holder(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // OBSERVATION: Windows lets nobody read what another has locked.
    let _ = file.rewind().and_then(|()| file.take(1024).read_to_end(&mut bytes));
    super::process::shown(&bytes)
}
