//! Whether a model's file is as it was written: a hash over all of its bytes, and no key twice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use sha2::{Digest, Sha256};

use crate::data::file::hexadecimal;

/// The version of the format.
pub(super) const VERSION: u32 = 2;
/// The digits of the hash.
pub(super) const DIGITS: usize = 64;
/// What the hash is where it is taken.
pub(super) const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What stands between the length of the header and the version, in every version.
const BEFORE_VERSION: &[u8] = br#"{"__metadata__":{"wgrad":"{\"version\":"#;
/// What stands between the version and the digits of the hash.
const BEFORE_DIGITS: &[u8] = br#",\"sha256\":\""#;
/// Bytes of the length of the header.
const LENGTH: usize = 8;

/// Whether bytes are those of a model's file, of whatever version and however it is damaged: it begins as one, or has what
/// stands before the hash near its beginning. Another program's file has neither.
pub(super) fn is_model(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(LENGTH..) else { return false };
    let mut near = header.windows(BEFORE_DIGITS.len()).take(BEFORE_VERSION.len() + 16);
    header.starts_with(BEFORE_VERSION) || near.any(|part| part == BEFORE_DIGITS)
}

/// Where the digits of the hash are; what is wrong where they are not.
fn digits(bytes: &[u8]) -> Result<std::ops::Range<usize>, String> {
    let version = bytes.get(LENGTH..).and_then(|header| header.strip_prefix(BEFORE_VERSION));
    let version = version.ok_or("expected the file of a model, got something else, or one that is cut off")?;
    let own = VERSION.to_string();
    let rest = version.strip_prefix(own.as_bytes()).and_then(|rest| rest.strip_prefix(BEFORE_DIGITS));
    let Some(rest) = rest else {
        let got: String = version.iter().take(8).take_while(|b| b.is_ascii_digit()).map(|&b| char::from(b)).collect();
        return Err(match got {
            got if got.is_empty() || got == own => "expected a hash after the version, got something else".into(),
            got => format!("expected version {own} of the format, got {got}; save the model again with this wgrad"),
        });
    };
    let start = bytes.len() - rest.len();
    if rest.len() < DIGITS { Err("expected a hash, got the end of the file".into()) } else { Ok(start..start + DIGITS) }
}

/// SHA-256 of a file whose digits are taken as zeros.
fn hash(bytes: &[u8], digits: &std::ops::Range<usize>) -> String {
    let mut hash = Sha256::new();
    hash.update(bytes.get(..digits.start).unwrap_or_default());
    hash.update(BLANK);
    hash.update(bytes.get(digits.end..).unwrap_or_default());
    hexadecimal(&hash.finalize())
}

/// Puts the hash into a file that was written with [`BLANK`] in its place.
pub(super) fn seal(bytes: &mut [u8]) -> Result<(), String> {
    let digits = digits(bytes)?;
    let hash = hash(bytes, &digits);
    bytes[digits].copy_from_slice(hash.as_bytes());
    Ok(())
}

/// Refuses a file that is not as [`seal`] left it. Takes no memory that grows with the file.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let digits = digits(bytes)?;
    if bytes.get(digits.clone()) == Some(hash(bytes, &digits).as_bytes()) {
        return Ok(());
    }
    Err("expected the bytes that were saved, got others: the file is damaged or cut off, as its hash says".into())
}

/// Refuses JSON in which an object has a key twice.
pub(super) fn unique_keys(json: &str) -> Result<(), String> {
    let mut from = serde_json::Deserializer::from_str(json);
    Unique.deserialize(&mut from).map_err(|error| error.to_string())
}

/// Looks through any value.
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a key that stands twice")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while all.next_element_seed(Self)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = all.next_key::<String>()? {
            all.next_value_seed(Self)?;
            if let Some(twice) = seen.replace(key) {
                return Err(A::Error::custom(format!("the key `{}` stands there twice", twice.escape_debug())));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_found_at_any_depth() {
        for json in [r#"{"a":1,"a":1}"#, r#"[1,{"b":{"c":null,"d":[],"c":true}}]"#, r#"{"\u0061":1,"a":1.5}"#] {
            assert!(unique_keys(json).unwrap_err().contains("twice"), "{json}");
        }
        assert_eq!(unique_keys(r#"{"a":{"a":"a"},"b":[{"a":1},{"a":-1}]}"#), Ok(()));
        assert!(unique_keys("{").is_err());
    }
}
