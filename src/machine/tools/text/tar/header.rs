//! The headers of archives.

/// What a header says of a member.
#[derive(Debug, Clone, Default)]
pub struct Header {
    pub name: String,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Seconds since 1970.
    pub time: i64,
    pub kind: u8,
    pub link: String,
    pub user: String,
    pub group: String,
}

/// The size of a block.
pub const BLOCK: usize = 512;

fn put(block: &mut [u8], at: usize, text: &[u8]) {
    for (place, b) in block.iter_mut().skip(at).zip(text) {
        *place = *b;
    }
}

/// The blocks of a header, with those for long names before it.
pub fn blocks(header: &Header) -> Vec<u8> {
    let mut out = Vec::new();
    for (text, kind) in [(&header.link, b'K'), (&header.name, b'L')] {
        if text.len() > 100 {
            let long = Header { name: "././@LongLink".into(), size: text.len() as u64 + 1, kind, ..Header::default() };
            out.extend_from_slice(&block(&long));
            out.extend_from_slice(text.as_bytes());
            let padding = BLOCK - text.len() % BLOCK;
            out.extend(std::iter::repeat_n(0, padding));
        }
    }
    out.extend_from_slice(&block(header));
    out
}

fn block(header: &Header) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let cut = |text: &str| text.as_bytes()[..text.len().min(100)].to_vec();
    put(&mut block, 0, &cut(&header.name));
    put(&mut block, 100, format!("{:07o}\0", header.mode & 0o7777).as_bytes());
    put(&mut block, 108, format!("{:07o}\0", header.uid & 0o7_777_777).as_bytes());
    put(&mut block, 116, format!("{:07o}\0", header.gid & 0o7_777_777).as_bytes());
    put(&mut block, 124, format!("{:011o}\0", header.size & 0o77_777_777_777).as_bytes());
    put(&mut block, 136, format!("{:011o}\0", header.time.max(0)).as_bytes());
    put(&mut block, 148, b"        ");
    put(&mut block, 156, &[header.kind]);
    put(&mut block, 157, &cut(&header.link));
    put(&mut block, 257, b"ustar  \0");
    put(&mut block, 265, &cut(&header.user)[..header.user.len().min(31)]);
    put(&mut block, 297, &cut(&header.group)[..header.group.len().min(31)]);
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    block
}

fn text(block: &[u8], from: usize, len: usize) -> String {
    let field = block.get(from..from + len).unwrap_or_default();
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn number(block: &[u8], from: usize, len: usize) -> Option<u64> {
    let field = block.get(from..from + len)?;
    if field.first().is_some_and(|b| b & 0x80 != 0) {
        return Some(field.iter().skip(len.saturating_sub(8)).fold(0u64, |v, b| v << 8 | u64::from(*b)));
    }
    let digits = text(block, from, len);
    let digits = digits.trim_matches(|c: char| c == ' ' || c == '\0');
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

/// Reads a header; none where the block is none.
pub fn parse(block: &[u8]) -> Option<Header> {
    let sum = number(block, 148, 8)?;
    let counted: u64 =
        block.iter().enumerate().map(|(n, b)| if (148..156).contains(&n) { 32 } else { u64::from(*b) }).sum();
    if sum != counted {
        return None;
    }
    let mut name = text(block, 0, 100);
    let prefix = text(block, 345, 155);
    if block.get(257..263) == Some(b"ustar\0") && !prefix.is_empty() {
        name = format!("{prefix}/{name}");
    }
    Some(Header {
        name,
        mode: number(block, 100, 8)? as u32,
        uid: number(block, 108, 8)? as u32,
        gid: number(block, 116, 8)? as u32,
        size: number(block, 124, 12)?,
        time: number(block, 136, 12)? as i64,
        kind: *block.get(156)?,
        link: text(block, 157, 100),
        user: text(block, 265, 32),
        group: text(block, 297, 32),
    })
}

/// A member as `tar -tv` lists it.
pub fn listed(header: &Header, gnu: bool, zone: &jiff::tz::TimeZone) -> String {
    let kind = match header.kind {
        b'5' => 'd',
        b'2' => 'l',
        b'1' if gnu => 'h',
        b'6' => 'p',
        _ => '-',
    };
    let mut mode = String::from(kind);
    for (n, letter) in "rwxrwxrwx".chars().enumerate() {
        let set = header.mode >> (8 - n) & 1 == 1;
        let special = match n {
            2 => header.mode & 0o4000 != 0,
            5 => header.mode & 0o2000 != 0,
            8 => header.mode & 0o1000 != 0,
            _ => false,
        };
        mode.push(match (special, set, n) {
            (true, true, 8) => 't',
            (true, false, 8) => 'T',
            (true, true, _) => 's',
            (true, false, _) => 'S',
            (_, true, _) => letter,
            _ => '-',
        });
    }
    let name = |text: &str, id: u32| if text.is_empty() { id.to_string() } else { text.to_string() };
    let owner = format!("{}/{}", name(&header.user, header.uid), name(&header.group, header.gid));
    let size = if matches!(header.kind, b'1' | b'2' | b'5') { 0 } else { header.size };
    let time = jiff::Timestamp::from_second(header.time).ok().map(|t| t.to_zoned(zone.clone()));
    let format = if gnu { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
    let time = time.and_then(|t| jiff::fmt::strtime::format(format, &t).ok()).unwrap_or_default();
    let link = match header.kind {
        b'2' => format!(" -> {}", header.link),
        b'1' if gnu => format!(" link to {}", header.link),
        b'1' => format!(" -> {}", header.link),
        _ => String::new(),
    };
    if gnu {
        let width = 19usize.saturating_sub(owner.len() + 1);
        return format!("{mode} {owner} {size:>width$} {time} {}{link}", header.name);
    }
    format!("{mode} {owner} {size:9} {time} {}{link}", header.name)
}
