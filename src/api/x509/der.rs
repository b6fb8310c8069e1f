//! DER: tagged values within each other.

/// A whole number.
pub const INTEGER: u8 = 0x02;
/// Bits, with a first byte that says how many of the last ones do not count.
pub const BIT_STRING: u8 = 0x03;
/// Bytes.
pub const OCTET_STRING: u8 = 0x04;
/// The name of something that everybody knows.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// Values in an order.
pub const SEQUENCE: u8 = 0x30;
/// Values without an order.
pub const SET: u8 = 0x31;

/// An element: its tag and its content.
pub type Element<'a> = (u8, &'a [u8]);

/// The first element, and what follows it.
pub fn element(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if *first >= 0x80 {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(count)?;
        length = bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some(((*tag, content), after))
}

/// All elements of a content.
pub fn elements(mut content: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while !content.is_empty() {
        let (first, rest) = element(content)?;
        found.push(first);
        content = rest;
    }
    Some(found)
}

/// The elements that a sequence holds, and nothing after it.
pub fn sequence(der: &[u8]) -> Option<Vec<Element<'_>>> {
    match element(der)? {
        ((SEQUENCE, content), []) => elements(content),
        _ => None,
    }
}

/// An element with its tag and length.
pub fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let bytes: Vec<u8> = bytes.into_iter().skip_while(|b| *b == 0).collect();
        out.push(0x80 | bytes.len() as u8);
        out.extend(bytes);
    }
    out.extend_from_slice(content);
    out
}

/// Several elements as the content of another.
pub fn encode_all(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    encode(tag, &parts.concat())
}

/// A number that is not negative, given by its bytes.
pub fn encode_unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
    // A first bit that is set would make it a negative number.
    if content.first().is_none_or(|first| *first >= 0x80) {
        content.insert(0, 0);
    }
    encode(INTEGER, &content)
}

#[cfg(test)]
mod tests {
    use super::{INTEGER, SEQUENCE, encode, encode_all, encode_unsigned, sequence};

    #[test]
    fn what_is_written_can_be_read() {
        let long = vec![7; 300];
        let der = encode_all(SEQUENCE, &[encode_unsigned(&[0, 200]), encode(4, &long)]);
        let read = sequence(&der).unwrap();
        assert_eq!(read, [(INTEGER, &[0, 200][..]), (4, &long[..])]);
        assert!(sequence(&der[..der.len() - 1]).is_none());
        assert!(sequence(&[SEQUENCE, 0x85, 1, 2, 3, 4, 5]).is_none());
    }
}
