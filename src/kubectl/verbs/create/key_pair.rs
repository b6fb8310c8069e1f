//! Whether a certificate and a private key belong together, as far as their bytes tell.
//!
//! Mirrors `X509KeyPair` of Go's `crypto/tls`, without the cryptography: an RSA certificate holds the key's modulus,
//! an elliptic one the point that the key file usually names too. Other keys pass.

/// A block of a PEM file.
struct Block {
    label: String,
    der: Vec<u8>,
}

/// Refuses what Go refuses.
///
/// # Errors
/// Go's text.
pub fn check(cert: &[u8], key: &[u8]) -> Result<(), String> {
    let certs = blocks(cert);
    let Some(leaf) = certs.iter().find(|b| b.label == "CERTIFICATE") else {
        let skipped: Vec<&str> = certs.iter().map(|b| b.label.as_str()).collect();
        return Err(match skipped.as_slice() {
            [] => "tls: failed to find any PEM data in certificate input".into(),
            [one] if one.ends_with("PRIVATE KEY") => "tls: failed to find certificate PEM data in certificate input, \
                 but did find a private key; PEM inputs may have been switched"
                .into(),
            all => format!(
                "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the \
                 following types: [{}]",
                all.join(" ")
            ),
        });
    };
    let keys = blocks(key);
    let Some(private) = keys.iter().find(|b| b.label == "PRIVATE KEY" || b.label.ends_with(" PRIVATE KEY")) else {
        let skipped: Vec<&str> = keys.iter().map(|b| b.label.as_str()).collect();
        return Err(match skipped.as_slice() {
            [] => "tls: failed to find any PEM data in key input".into(),
            ["CERTIFICATE"] => "tls: found a certificate rather than a key in the PEM for the private key".into(),
            all => format!(
                "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM \
                 blocks of the following types: [{}]",
                all.join(" ")
            ),
        });
    };
    let Some((algorithm, public)) = public_key(&leaf.der) else { return Err("x509: malformed certificate".into()) };
    let Some((own, part)) = private_key(&private.der) else { return Err("tls: failed to parse private key".into()) };
    if own != algorithm {
        return Err("tls: private key type does not match public key type".into());
    }
    let holds = part.is_empty() || public.windows(part.len()).any(|w| w == part);
    if holds { Ok(()) } else { Err("tls: private key does not match public key".into()) }
}

fn blocks(input: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(input);
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines().map(str::trim) {
        let label = |start: &str| line.strip_prefix(start)?.strip_suffix("-----").map(String::from);
        if let Some(label) = label("-----BEGIN ") {
            open = Some((label, String::new()));
        } else if let Some(end) = label("-----END ") {
            if let Some((label, body)) = open.take()
                && label == end
                && let Some(der) = base64(&body)
            {
                found.push(Block { label, der });
            }
        } else if let Some((_, body)) = &mut open
            && !line.contains(':')
        {
            body.push_str(line);
        }
    }
    found
}

fn base64(text: &str) -> Option<Vec<u8>> {
    serde_json::from_value::<k8s_openapi::ByteString>(text.into()).ok().map(|b| b.0)
}

/// The object identifier of RSA keys.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// The object identifier of keys of an elliptic curve.
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const SEQUENCE: u8 = 0x30;

/// The elements that a DER sequence holds: tag and content of each.
fn children(der: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    match element(der)? {
        (SEQUENCE, content, _) => elements(content),
        _ => None,
    }
}

fn elements(mut content: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut found = Vec::new();
    while !content.is_empty() {
        let (tag, inner, rest) = element(content)?;
        found.push((tag, inner));
        content = rest;
    }
    Some(found)
}

/// The first element: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
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
    Some((*tag, content, after))
}

/// A certificate's algorithm and public key.
fn public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let outer = children(der)?;
    let body = elements(outer.first()?.1)?;
    // The version, in [0], may be left out; serial, signature, issuer, validity and subject come before the key.
    let at = if body.first()?.0 == 0xa0 { 6 } else { 5 };
    let info = elements(body.get(at)?.1)?;
    let [(SEQUENCE, algorithm), (3, key)] = info.as_slice() else { return None };
    Some((elements(algorithm)?.first()?.1, key))
}

/// A private key's algorithm, and what of it stands in its certificate too (nothing if the key does not say).
fn private_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let fields = children(der)?;
    match fields.as_slice() {
        // PKCS #1: version, modulus, exponents and primes.
        [(2, _), (2, modulus), (2, _), ..] => Some((RSA, modulus)),
        // PKCS #8: version, algorithm, and the key in a form of its own.
        [(2, _), (SEQUENCE, algorithm), (4, inner), ..] => {
            let part = private_key(inner).map(|(_, part)| part).unwrap_or_default();
            Some((elements(algorithm)?.first()?.1, part))
        }
        // SEC 1: version, key, curve, and in [1] the point as a bit string.
        [(2, _), (4, _), optional @ ..] => {
            let point = optional.iter().find(|(tag, _)| *tag == 0xa1).and_then(|(_, content)| element(content));
            Some((ELLIPTIC, point.and_then(|(_, bits, _)| bits.get(1..)).unwrap_or_default()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn refuses_in_gos_words() {
        assert_eq!(check(b"x", b"y").unwrap_err(), "tls: failed to find any PEM data in certificate input");
        let pem = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n").into_bytes();
        let switched = check(&pem("PRIVATE KEY"), &pem("CERTIFICATE")).unwrap_err();
        assert!(switched.ends_with("PEM inputs may have been switched"), "{switched}");
    }
}
