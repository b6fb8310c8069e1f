//! Archives as `cp` sends and receives them.
//!
//! Mirrors what Go's `archive/tar` writes for plain files, folders and links, and reads of what `tar` writes.

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path.
    pub(super) name: String,
    pub(super) mode: u32,
    pub(super) kind: EntryKind,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EntryKind {
    File(Vec<u8>),
    Folder,
    Link(String),
    /// Whatever else there is.
    Other,
}

const BLOCK: usize = 512;

/// Adds a file to an archive.
pub(super) fn append(archive: &mut Vec<u8>, entry: &Entry) {
    let (kind, link, contents): (u8, &str, &[u8]) = match &entry.kind {
        EntryKind::File(bytes) => (b'0', "", bytes),
        EntryKind::Folder => (b'5', "", &[]),
        EntryKind::Link(to) => (b'2', to, &[]),
        EntryKind::Other => return,
    };
    let name = match entry.kind {
        EntryKind::Folder => format!("{}/", entry.name.trim_end_matches('/')),
        _ => entry.name.clone(),
    };
    // Names that do not fit go before, as GNU tar writes them.
    for (long, kind) in [(&name[..], b'L'), (link, b'K')] {
        if long.len() > 100 {
            let text = [long.as_bytes(), &[0]].concat();
            header(archive, "././@LongLink", 0, text.len(), kind, "");
            padded(archive, &text);
        }
    }
    header(archive, &name, entry.mode, contents.len(), kind, link);
    padded(archive, contents);
}

/// Ends an archive.
pub(super) fn finish(archive: &mut Vec<u8>) {
    archive.resize(archive.len() + 2 * BLOCK, 0);
}

fn header(archive: &mut Vec<u8>, name: &str, mode: u32, size: usize, kind: u8, link: &str) {
    let mut block = [0_u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8], most: usize| {
        let count = bytes.len().min(most);
        block[at..at + count].copy_from_slice(&bytes[..count]);
    };
    put(0, name.as_bytes(), 100);
    put(100, format!("{mode:07o}\0").as_bytes(), 8);
    put(108, b"0000000\0", 8);
    put(116, b"0000000\0", 8);
    put(124, format!("{size:011o}\0").as_bytes(), 12);
    put(136, b"00000000000\0", 12);
    put(148, b"        ", 8);
    put(156, &[kind], 1);
    put(157, link.as_bytes(), 100);
    put(257, b"ustar\x0000", 8);
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend(block);
}

fn padded(archive: &mut Vec<u8>, contents: &[u8]) {
    archive.extend(contents);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
}

/// Reads an archive, as far as it goes.
///
/// # Errors
/// Go's text for what is no archive, with what was read before.
pub(super) fn read(mut bytes: &[u8]) -> (Vec<Entry>, Option<&'static str>) {
    let mut entries = Vec::new();
    let (mut long_name, mut long_link) = (None, None);
    let mut is_cut = false;
    loop {
        if bytes.is_empty() {
            return (entries, is_cut.then_some("unexpected EOF"));
        }
        let Some((block, rest)) = bytes.split_at_checked(BLOCK) else { return (entries, Some("unexpected EOF")) };
        if block.iter().all(|b| *b == 0) {
            return (entries, None);
        }
        let text = |from: usize, to: usize| {
            let field = &block[from..to];
            let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).into_owned()
        };
        let octal = |from: usize, to: usize| u64::from_str_radix(text(from, to).trim(), 8).ok();
        let (Some(size), Some(mode)) = (octal(124, 136).and_then(|n| usize::try_from(n).ok()), octal(100, 108)) else {
            return (entries, Some("archive/tar: invalid tar header"));
        };
        let padded = size.checked_next_multiple_of(BLOCK).unwrap_or(usize::MAX);
        let Some(contents) = rest.get(..size) else { return (entries, Some("unexpected EOF")) };
        is_cut = rest.len() < padded;
        bytes = rest.get(padded..).unwrap_or_default();
        let long = || String::from_utf8_lossy(contents).trim_end_matches('\0').to_string();
        match block[156] {
            b'L' => long_name = Some(long()),
            b'K' => long_link = Some(long()),
            b'x' | b'g' => {}
            kind => {
                let prefix = if text(257, 262) == "ustar" && block[262] == 0 { text(345, 500) } else { String::new() };
                let short = if prefix.is_empty() { text(0, 100) } else { format!("{prefix}/{}", text(0, 100)) };
                let name = long_name.take().unwrap_or(short);
                let link = long_link.take().unwrap_or_else(|| text(157, 257));
                let kind = match kind {
                    b'5' => EntryKind::Folder,
                    b'2' => EntryKind::Link(link),
                    b'0' | 0 if name.ends_with('/') => EntryKind::Folder,
                    b'0' | 0 | b'7' => EntryKind::File(contents.to_vec()),
                    // A second name of a file has no contents of its own.
                    b'1' => EntryKind::File(Vec::new()),
                    _ => EntryKind::Other,
                };
                entries.push(Entry { name, mode: u32::try_from(mode).unwrap_or(0) & 0o7777, kind });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, EntryKind, append, finish, read};

    #[test]
    fn what_is_written_is_read() {
        let long = format!("{}/file", "folder".repeat(30));
        let entries = [
            Entry { name: "a".into(), mode: 0o644, kind: EntryKind::File(b"text".to_vec()) },
            Entry { name: "b/".into(), mode: 0o755, kind: EntryKind::Folder },
            Entry { name: "c".into(), mode: 0o777, kind: EntryKind::Link("a".into()) },
            Entry { name: long, mode: 0o600, kind: EntryKind::File(vec![0; 600]) },
        ];
        let mut archive = Vec::new();
        entries.iter().for_each(|entry| append(&mut archive, entry));
        finish(&mut archive);
        assert_eq!(read(&archive), (entries.to_vec(), None));
        assert_eq!(read(&archive[..700]).1, Some("unexpected EOF"));
        assert_eq!(read(&[b'x'; 512]), (Vec::new(), Some("archive/tar: invalid tar header")));
    }
}
