//! SHA-256, by which names, versions and contents are told apart.

use sha2::{Digest, Sha256};

/// The digest of a message.
pub fn sha256(message: &[u8]) -> [u8; 32] {
    Sha256::digest(message).into()
}

/// Ten letters that tell contents apart in a name: vowels and what looks like them give way to consonants, so that no words
/// come out. Mirrors `encodeHash` of `k8s.io/kubectl/pkg/util/hash`, which kustomize has too.
pub fn name_suffix(content: &str) -> String {
    let hex: String = sha256(content.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    let letter = |c| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    };
    hex.chars().take(10).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::sha256;

    #[test]
    fn digests_as_the_standard_says() {
        let hex = |text: &str| -> String { sha256(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect() };
        assert_eq!(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        for (length, start) in [(55, "9f4390f8"), (56, "b35439a4"), (64, "ffe054fe")] {
            assert!(hex(&"a".repeat(length)).starts_with(start), "{length}");
        }
    }
}
