//! SPDY/3.1 as far as Kubernetes' clients speak it: frames in and out of bytes.
//!
//! Mirrors `github.com/moby/spdystream/spdy`: no flow control, headers compressed with the protocol's own dictionary.

use std::collections::BTreeMap;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// The most that a frame may hold.
const MOST: usize = 1 << 20;

/// How much of what was decompressed later headers may refer to.
const WINDOW: usize = 32 << 10;

/// The most that one block of headers may become.
const MOST_OF_HEADERS: usize = 64 << 10;

/// The version and the sorts of control frames.
const VERSION: u16 = 0x8003;
const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;

/// The flag of a frame that is its stream's last, and that of a stream in one direction.
const FIN: u8 = 1;

/// The words that the dictionary begins with, each behind its length.
const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age \
    allow authorization cache-control connection content-base content-encoding content-language content-length \
    content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since \
    if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate \
    proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning \
    www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin";

/// What follows them.
const REST: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505\
    203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden\
    404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable\
    Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT\
    chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,\
    publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/// What headers are compressed with. Mirrors `headerDictionary`.
fn dictionary() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in WORDS.split_whitespace().map(|word| word.replace('_', " ")) {
        bytes.extend((word.len() as u32).to_be_bytes());
        bytes.extend(word.as_bytes());
    }
    bytes.extend(REST.as_bytes());
    bytes
}

/// What the other side says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It opens a stream, with headers whose names are in small letters; the flag: nothing will come of it.
    Opened { stream: u32, headers: BTreeMap<String, String>, fin: bool },
    /// Bytes of a stream; the flag: these were the last.
    Data { stream: u32, bytes: Vec<u8>, fin: bool },
    /// It gives a stream up.
    Reset { stream: u32 },
    /// It wants this back.
    Ping(Vec<u8>),
    /// It ends the connection.
    Leaves,
}

/// Takes bytes apart.
pub(super) struct Reader {
    waiting: Vec<u8>,
    headers: Headers,
}

impl Reader {
    pub(super) fn new() -> Reader {
        Reader { waiting: Vec::new(), headers: Headers::new() }
    }

    /// What the next bytes say.
    ///
    /// # Errors
    /// They are no SPDY.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Vec<Heard>, &'static str> {
        self.waiting.extend_from_slice(bytes);
        let mut heard = Vec::new();
        let mut at = 0;
        while let Some(head) = self.waiting.get(at..at + 8) {
            let length = u32::from_be_bytes([0, head[5], head[6], head[7]]) as usize;
            if length > MOST {
                return Err("a frame is too long");
            }
            let (first, flags) = (u32::from_be_bytes([head[0], head[1], head[2], head[3]]), head[4]);
            let Some(body) = self.waiting.get(at + 8..at + 8 + length) else { break };
            at += 8 + length;
            let body = body.to_vec();
            heard.extend(match first & 0x8000_0000 {
                0 => Some(Heard::Data { stream: first, bytes: body, fin: flags & FIN != 0 }),
                _ => self.control((first >> 16) as u16, first as u16, flags, body)?,
            });
        }
        self.waiting.drain(..at);
        Ok(heard)
    }

    fn control(&mut self, version: u16, sort: u16, flags: u8, body: Vec<u8>) -> Result<Option<Heard>, &'static str> {
        if version != VERSION {
            return Err("another version of SPDY");
        }
        let number =
            |at: usize| body.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) & 0x7fff_ffff);
        Ok(match sort {
            SYN_STREAM => {
                let stream = number(0).ok_or("a stream without a number")?;
                let headers = self.headers.read(body.get(10..).ok_or("a stream without headers")?)?;
                Some(Heard::Opened { stream, headers, fin: flags & FIN != 0 })
            }
            RST_STREAM => number(0).map(|stream| Heard::Reset { stream }),
            PING => Some(Heard::Ping(body)),
            GOAWAY => Some(Heard::Leaves),
            // Settings and windows: nobody keeps to them.
            _ => None,
        })
    }
}

/// Decompresses the blocks of headers of one connection, each of which may refer to those before it.
struct Headers {
    state: Box<DecompressorOxide>,
    history: Vec<u8>,
    begun: bool,
}

impl Headers {
    fn new() -> Headers {
        Headers { state: Box::default(), history: dictionary(), begun: false }
    }

    fn read(&mut self, mut block: &[u8]) -> Result<BTreeMap<String, String>, &'static str> {
        const WRONG: &str = "headers can't be read";
        if !self.begun {
            // Two bytes of zlib's own, and the dictionary's checksum where one is used.
            let dictionary = if block.get(1).is_some_and(|flags| flags & 0x20 != 0) { 4 } else { 0 };
            block = block.get(2 + dictionary..).ok_or(WRONG)?;
            self.begun = true;
        }
        let surplus = self.history.len().saturating_sub(WINDOW);
        self.history.drain(..surplus);
        let begins = self.history.len();
        self.history.resize(begins + MOST_OF_HEADERS, 0);
        let flags = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, taken, written) = decompress(&mut self.state, block, &mut self.history, begins, flags);
        self.history.truncate(begins + written);
        if status != TINFLStatus::NeedsMoreInput || taken != block.len() {
            return Err(WRONG);
        }
        let mut rest = self.history.get(begins..).unwrap_or_default();
        let count = number(&mut rest).ok_or(WRONG)?;
        let mut headers = BTreeMap::new();
        for _ in 0..count {
            let name = text(&mut rest).ok_or(WRONG)?.to_ascii_lowercase();
            headers.insert(name, text(&mut rest).ok_or(WRONG)?);
        }
        Ok(headers)
    }
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let (number, more) = rest.split_first_chunk::<4>()?;
    *rest = more;
    Some(u32::from_be_bytes(*number) as usize)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let length = number(rest)?;
    let (text, more) = rest.split_at_checked(length)?;
    *rest = more;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// Puts together what is said.
#[derive(Default)]
pub(super) struct Writer {
    begun: bool,
}

impl Writer {
    /// Accepts a stream, without headers.
    pub(super) fn accept(&mut self, stream: u32) -> Vec<u8> {
        const NONE: [u8; 4] = [0; 4];
        let mut body = stream.to_be_bytes().to_vec();
        // A block that is stored as it is: what four zeros would save is not worth a compressor.
        if !std::mem::replace(&mut self.begun, true) {
            body.extend([0x78, 0x01]);
        }
        body.extend([0, 4, 0, !4, !0]);
        body.extend(NONE);
        // An empty one, at which Go's reader hands out what it has.
        body.extend([0, 0, 0, !0, !0]);
        control(SYN_REPLY, &body)
    }

    /// Bytes of a stream; `fin`: the last ones.
    pub(super) fn data(stream: u32, bytes: &[u8], fin: bool) -> Vec<u8> {
        let mut frames = Vec::new();
        let mut parts = bytes.chunks(MOST / 2).peekable();
        if parts.peek().is_none() {
            frames.extend(head(stream, u8::from(fin), 0));
        }
        while let Some(part) = parts.next() {
            frames.extend(head(stream, u8::from(fin && parts.peek().is_none()), part.len()));
            frames.extend(part);
        }
        frames
    }

    /// Gives back what a ping brought.
    pub(super) fn ping(body: &[u8]) -> Vec<u8> {
        control(PING, body)
    }

    /// Refuses a stream.
    pub(super) fn refuse(stream: u32) -> Vec<u8> {
        const REFUSED: u32 = 3;
        control(RST_STREAM, &[stream.to_be_bytes(), REFUSED.to_be_bytes()].concat())
    }
}

fn head(first: u32, flags: u8, length: usize) -> [u8; 8] {
    let (first, length) = (first.to_be_bytes(), (length as u32).to_be_bytes());
    [first[0], first[1], first[2], first[3], flags, length[1], length[2], length[3]]
}

fn control(sort: u16, body: &[u8]) -> Vec<u8> {
    let first = u32::from(VERSION) << 16 | u32::from(sort);
    [&head(first, 0, body.len())[..], body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What kubectl sends when it forwards its first connection, cut anywhere.
    #[test]
    fn frames_are_read_from_pieces() {
        let error = "80030001 0000003c 00000001 00000000 0000 78f9e3c6a7c202253a703a2b294a4dcc851625aca9a080861\
             4cb45a024cc64610024398b209198094adc8c0600000000ffff";
        let data = "80030001 0000001f 00000003 00000000 0000 02c963680595428944e8442fbd182b00000000ffff";
        let bytes = |hex: &str| {
            let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
            let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).unwrap();
            digits.chunks(2).map(byte).collect::<Vec<u8>>()
        };
        let mut all = bytes(error);
        all.extend(bytes(data));
        all.extend(Writer::data(3, b"GET /", true));
        let named = |sort: &str| {
            let known = [("streamtype", sort), ("port", "80"), ("requestid", "0")];
            BTreeMap::from(known.map(|(name, value)| (name.to_string(), value.to_string())))
        };
        let mut second = named("data");
        second.insert("content-type".into(), "x".into());
        for size in 1..all.len() {
            let mut reader = Reader::new();
            let heard: Vec<Heard> = all.chunks(size).flat_map(|piece| reader.read(piece).unwrap()).collect();
            let expected = [
                Heard::Opened { stream: 1, headers: named("error"), fin: false },
                Heard::Opened { stream: 3, headers: second.clone(), fin: false },
                Heard::Data { stream: 3, bytes: b"GET /".to_vec(), fin: true },
            ];
            assert_eq!(heard, expected);
        }
    }

    #[test]
    fn what_is_no_spdy_is_refused() {
        for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x80, 3, 0, 1, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, 9]]
        {
            assert!(Reader::new().read(bytes).is_err_and(|fault| !fault.is_empty()), "{bytes:?}");
        }
    }
}
