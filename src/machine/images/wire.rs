//! What programs of an image say to its server: bytes to a port, and all that comes back.

use crate::machine::kernel::{Input, Sys};
use crate::machine::net::resolver;

/// Says something to a server, and hears it out; none where nobody answers.
pub(super) fn ask(sys: &mut Sys<'_>, host: &str, port: u16, bytes: &[u8]) -> Option<Vec<u8>> {
    let ip = match host.parse() {
        Ok(ip) => ip,
        Err(_) => resolver::resolve(sys, host).ok()?.first().copied()?,
    };
    let fd = sys.connect(ip, port).ok()?;
    let sent = sys.write(fd, bytes);
    let mut got = Vec::new();
    while let Ok(Input::Bytes(more)) = sys.read(fd, 1 << 20) {
        got.extend(more);
    }
    let _ = sys.close(fd);
    sent.ok()?;
    Some(got)
}

/// An answer: the exit code of who asked, and what it prints.
pub(super) fn answer(code: u8, text: &str) -> Vec<u8> {
    [&[code], text.as_bytes()].concat()
}

/// The same taken apart.
pub(super) fn answered(bytes: &[u8]) -> Option<(u8, String)> {
    let (code, text) = bytes.split_first()?;
    Some((*code, String::from_utf8_lossy(text).into_owned()))
}

/// A uuid out of two random numbers.
pub(super) fn uuid(sys: &mut Sys<'_>) -> String {
    let (a, b) = (sys.random(), sys.random());
    let text = format!("{a:016x}{:016x}", (b & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_string();
    format!("{}-{}-4{}-{}-{}", part(0, 8), part(8, 12), part(13, 16), part(16, 20), part(20, 32))
}

/// Makes a folder with all above it.
pub(super) fn make_dirs(sys: &mut Sys<'_>, path: &str) {
    let mut at = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        at = format!("{at}/{part}");
        let _ = sys.mkdir(&at, 0o755);
    }
}

/// Whether somebody listens there.
pub(super) fn opens(sys: &mut Sys<'_>, host: &str, port: u16) -> bool {
    let ip = match host.parse() {
        Ok(ip) => Some(ip),
        Err(_) => resolver::resolve(sys, host).ok().and_then(|all| all.first().copied()),
    };
    let opened = ip.and_then(|ip| sys.connect(ip, port).ok());
    opened.map(|fd| sys.close(fd)).is_some()
}
