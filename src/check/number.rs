//! Numbers in JSON, which knows none that is not finite: those become text.

use serde::{Deserialize, Deserializer, Serializer};

/// A number, or how Rust writes one that is not finite.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_str(&value.to_string()) }
}

/// What [`serialize`] wrote.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Number(value) => Ok(value),
        Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Of(#[serde(with = "super")] f64);

    #[test]
    fn every_number_comes_back() {
        for value in [0.0, -1.5e-300, f64::MAX, f64::INFINITY, -f64::INFINITY, f64::NAN] {
            let text = serde_json::to_string(&Of(value)).unwrap();
            let Of(back) = serde_json::from_str(&text).unwrap();
            assert!(back == value || (back.is_nan() && value.is_nan()), "{text}");
        }
    }
}
