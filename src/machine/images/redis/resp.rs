//! Redis' protocol.

use serde::{Deserialize, Serialize};

/// The most elements of an array and the most bytes of a string.
const MAX: usize = 16 << 20;

/// How deep arrays may be.
const MAX_DEPTH: usize = 8;

/// A value of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resp {
    /// `+OK`
    Simple(String),
    /// `-ERR ...`
    Error(String),
    /// `:1`
    Int(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// `$-1`
    Nil,
    /// `*2`
    Array(Vec<Resp>),
    /// Nothing at all: what has no answer.
    None,
}

impl Resp {
    /// `+OK`
    pub fn ok() -> Resp {
        Resp::Simple("OK".into())
    }

    /// An error.
    pub fn error(text: impl Into<String>) -> Resp {
        Resp::Error(text.into())
    }

    /// A string.
    pub fn bulk(bytes: impl Into<Vec<u8>>) -> Resp {
        Resp::Bulk(bytes.into())
    }

    /// An array of strings.
    pub fn list<T: Into<Vec<u8>>>(all: impl IntoIterator<Item = T>) -> Resp {
        Resp::Array(all.into_iter().map(Resp::bulk).collect())
    }

    /// As it goes over the wire.
    pub fn encode(&self, to: &mut Vec<u8>) {
        match self {
            Resp::Simple(text) => to.extend(format!("+{text}\r\n").bytes()),
            Resp::Error(text) => to.extend(format!("-{text}\r\n").bytes()),
            Resp::Int(number) => to.extend(format!(":{number}\r\n").bytes()),
            Resp::Bulk(bytes) => {
                to.extend(format!("${}\r\n", bytes.len()).bytes());
                to.extend(bytes);
                to.extend(b"\r\n");
            }
            Resp::Nil => to.extend(b"$-1\r\n"),
            Resp::Array(all) => {
                to.extend(format!("*{}\r\n", all.len()).bytes());
                all.iter().for_each(|r| r.encode(to));
            }
            Resp::None => {}
        }
    }

    /// The bytes of it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }

    /// Reads one; none where more is needed. What is no value is an error.
    pub fn decode(bytes: &[u8]) -> Option<(Resp, usize)> {
        decode(bytes, 0)
    }
}

fn line(bytes: &[u8]) -> Option<(String, usize)> {
    let end = bytes.windows(2).position(|w| w == b"\r\n")?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 2))
}

fn decode(bytes: &[u8], depth: usize) -> Option<(Resp, usize)> {
    let kind = *bytes.first()?;
    let (text, used) = line(&bytes[1..])?;
    let used = used + 1;
    let bad = || Some((Resp::error("ERR Protocol error"), bytes.len()));
    match kind {
        b'+' => Some((Resp::Simple(text), used)),
        b'-' => Some((Resp::Error(text), used)),
        b':' => Some((Resp::Int(text.parse().unwrap_or_default()), used)),
        b'$' => match text.parse::<i64>() {
            Ok(-1) => Some((Resp::Nil, used)),
            Ok(length) if (0..=MAX as i64).contains(&length) => {
                let end = used + length as usize;
                bytes.get(..end + 2)?;
                Some((Resp::Bulk(bytes[used..end].to_vec()), end + 2))
            }
            _ => bad(),
        },
        b'*' => match text.parse::<i64>() {
            Ok(-1) => Some((Resp::Nil, used)),
            Ok(count) if (0..=MAX as i64).contains(&count) && depth < MAX_DEPTH => {
                let (mut all, mut at) = (Vec::new(), used);
                for _ in 0..count {
                    let (one, length) = decode(&bytes[at..], depth + 1)?;
                    all.push(one);
                    at += length;
                }
                Some((Resp::Array(all), at))
            }
            _ => bad(),
        },
        _ => bad(),
    }
}

/// A command in what came: its words and its length. Also a plain line, as somebody with `nc` sends it.
pub fn command(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    if bytes.first() == Some(&b'*') {
        let (value, used) = Resp::decode(bytes)?;
        let Resp::Array(all) = value else { return Some((Vec::new(), used)) };
        let words = all.into_iter().filter_map(|r| if let Resp::Bulk(bytes) = r { Some(bytes) } else { None });
        return Some((words.collect(), used));
    }
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    Some((split(text.trim()).into_iter().map(String::into_bytes).collect(), end + 1))
}

/// A command's words as they are sent.
pub fn encode_command<T: AsRef<[u8]>>(words: &[T]) -> Vec<u8> {
    Resp::list(words.iter().map(|w| w.as_ref().to_vec())).bytes()
}

/// Takes a line apart as `redis-cli` does: quotes hold words together.
pub fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match quote {
            Some(q) if c == q => quote = None,
            Some('"') if c == '\\' => {
                let c = match chars.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    Some(other) => other,
                    None => '\\',
                };
                word.get_or_insert_default().push(c);
            }
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
