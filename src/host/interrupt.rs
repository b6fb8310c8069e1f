//! What is done before an interrupt (Ctrl-C) ends the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once};

/// The exit code of a process that the user interrupted, as shells have it.
pub const EXIT: u8 = 130;

/// Whether somebody takes interrupts himself just now, and whether one has come.
static CATCHES: AtomicBool = AtomicBool::new(false);
static CAUGHT: AtomicBool = AtomicBool::new(false);

static LAST_DEEDS: Mutex<Vec<fn()>> = Mutex::new(Vec::new());

/// Has something done before an interrupt ends the process; once, however often it is asked for.
pub fn before_exit(deed: fn()) {
    if let Ok(mut deeds) = LAST_DEEDS.lock()
        && !deeds.iter().any(|known| std::ptr::fn_addr_eq(*known, deed))
    {
        deeds.push(deed);
    }
    handle();
}

/// From here on an interrupt does not end the process but waits to be taken, until what is handed back is dropped. A second
/// one that comes before the first is taken ends it all the same.
pub fn catch() -> Catching {
    CAUGHT.store(false, Ordering::SeqCst);
    CATCHES.store(true, Ordering::SeqCst);
    handle();
    Catching(())
}

/// Interrupts are caught as long as it lives.
pub struct Catching(());

impl Catching {
    /// Takes an interrupt that has come.
    pub fn take(&self) -> bool {
        CAUGHT.swap(false, Ordering::SeqCst)
    }
}

impl Drop for Catching {
    fn drop(&mut self) {
        CATCHES.store(false, Ordering::SeqCst);
    }
}

fn handle() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // OBSERVATION: where no handler can be set, an interrupt ends the process all the same.
        let _ = ctrlc::set_handler(|| {
            if CATCHES.load(Ordering::SeqCst) && !CAUGHT.swap(true, Ordering::SeqCst) {
                return;
            }
            let deeds = LAST_DEEDS.lock().map(|deeds| deeds.clone()).unwrap_or_default();
            deeds.iter().for_each(|deed| deed());
            std::process::exit(EXIT.into());
        });
    });
}
