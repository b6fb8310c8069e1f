//! Whether a certificate and a private key belong together, as far as their bytes tell.
//!
//! Mirrors `X509KeyPair` of Go's `crypto/tls`, without the cryptography: an RSA certificate holds the key's modulus,
//! an elliptic one the point that the key file usually names too. Other keys pass.

use crate::api::x509::der::{self, BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, elements};
use crate::api::x509::pem::blocks;

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

/// The object identifier of RSA keys.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// The object identifier of keys of an elliptic curve.
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// A certificate's algorithm and public key.
fn public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let outer = der::sequence(der)?;
    let body = elements(outer.first()?.1)?;
    // The version, in [0], may be left out; serial, signature, issuer, validity and subject come before the key.
    let at = if body.first()?.0 == 0xa0 { 6 } else { 5 };
    let info = elements(body.get(at)?.1)?;
    let [(SEQUENCE, algorithm), (BIT_STRING, key)] = info.as_slice() else { return None };
    Some((elements(algorithm)?.first()?.1, key))
}

/// A private key's algorithm, and what of it stands in its certificate too (nothing if the key does not say).
fn private_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let fields = der::sequence(der)?;
    match fields.as_slice() {
        // PKCS #1: version, modulus, exponents and primes.
        [(INTEGER, _), (INTEGER, modulus), (INTEGER, _), ..] => Some((RSA, modulus)),
        // PKCS #8: version, algorithm, and the key in a form of its own.
        [(INTEGER, _), (SEQUENCE, algorithm), (OCTET_STRING, inner), ..] => {
            let part = private_key(inner).map(|(_, part)| part).unwrap_or_default();
            Some((elements(algorithm)?.first()?.1, part))
        }
        // SEC 1: version, key, curve, and in [1] the point as a bit string.
        [(INTEGER, _), (OCTET_STRING, _), optional @ ..] => {
            let point = optional.iter().find(|(tag, _)| *tag == 0xa1).and_then(|(_, content)| der::element(content));
            Some((ELLIPTIC, point.and_then(|((_, bits), _)| bits.get(1..)).unwrap_or_default()))
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
