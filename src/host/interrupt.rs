//! What is done before an interrupt (Ctrl-C) ends the process.

use std::sync::{Mutex, Once};

/// The exit code of a process that the user interrupted, as shells have it.
pub const EXIT: u8 = 130;

static LAST_DEEDS: Mutex<Vec<fn()>> = Mutex::new(Vec::new());

/// Has something done before an interrupt ends the process; once, however often it is asked for.
pub fn before_exit(deed: fn()) {
    static ONCE: Once = Once::new();
    if let Ok(mut deeds) = LAST_DEEDS.lock()
        && !deeds.iter().any(|known| std::ptr::fn_addr_eq(*known, deed))
    {
        deeds.push(deed);
    }
    ONCE.call_once(|| {
        // OBSERVATION: where no handler can be set, an interrupt ends the process all the same.
        let _ = ctrlc::set_handler(|| {
            let deeds = LAST_DEEDS.lock().map(|deeds| deeds.clone()).unwrap_or_default();
            deeds.iter().for_each(|deed| deed());
            std::process::exit(EXIT.into());
        });
    });
}
