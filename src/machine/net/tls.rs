//! TLS as far as it shows: who speaks it, and for whom its certificate is. Nothing is encrypted.
//!
//! A client that wants TLS sends [`HELLO`], the name that it wants and a newline. A server that speaks it answers with
//! [`ANSWER`], the issuer of its certificate, a tab, the names in it with commas between, and a newline; from then on
//! both speak plainly.

/// How a client begins.
pub const HELLO: &[u8] = b"\x16\x03\x01";

/// How a server answers.
pub const ANSWER: &[u8] = b"\x16\x03\x03";

/// A client's beginning for a name.
pub fn hello(name: &str) -> Vec<u8> {
    [HELLO, name.as_bytes(), b"\n"].concat()
}

/// A server's answer.
pub fn answer(issuer: &str, names: &[&str]) -> Vec<u8> {
    [ANSWER, issuer.as_bytes(), b"\t", names.join(",").as_bytes(), b"\n"].concat()
}

/// The name that a client wants, and what it has sent after its beginning; none where it speaks no TLS.
pub fn wanted(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (name, rest) = line(bytes.strip_prefix(HELLO)?)?;
    Some((name, rest))
}

/// The issuer and the names in a server's answer, and what follows; none where it is none.
pub fn certificate(bytes: &[u8]) -> Option<(String, Vec<String>, &[u8])> {
    let (text, rest) = line(bytes.strip_prefix(ANSWER)?)?;
    let (issuer, names) = text.split_once('\t').unwrap_or((&text, ""));
    Some((issuer.to_string(), names.split(',').map(String::from).collect(), rest))
}

fn line(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 1..]))
}
