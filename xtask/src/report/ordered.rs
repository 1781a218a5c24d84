//! JSON whose keys stand in the order in which they are written, for people who look into it.

use serde_json::Value;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// One that has no parts.
    Leaf(Value),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The object of these entries.
    pub fn object<const N: usize>(entries: [(&str, Json); N]) -> Self {
        Self::Object(
            entries
                .map(|(key, value)| (key.to_owned(), value))
                .into_iter()
                .collect(),
        )
    }

    /// The text, a line for each entry, ending in a line break.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text + "\n"
    }

    fn write(&self, text: &mut String, depth: usize) {
        match self {
            Self::Leaf(value) => text.push_str(&value.to_string()),
            Self::List(values) => {
                let values = values.iter().map(|value| (None, value));
                write_parts(text, ['[', ']'], values, depth);
            }
            Self::Object(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (Some(key.as_str()), value));
                write_parts(text, ['{', '}'], entries, depth);
            }
        }
    }
}

fn write_parts<'a>(
    text: &mut String,
    [open, close]: [char; 2],
    parts: impl Iterator<Item = (Option<&'a str>, &'a Json)>,
    depth: usize,
) {
    text.push(open);
    let mut any = false;
    for (key, value) in parts {
        text.push_str(if any { ",\n" } else { "\n" });
        text.push_str(&"  ".repeat(depth + 1));
        if let Some(key) = key {
            text.push_str(&format!("{}: ", Value::from(key)));
        }
        value.write(text, depth + 1);
        any = true;
    }
    if any {
        text.push('\n');
        text.push_str(&"  ".repeat(depth));
    }
    text.push(close);
}

/// How finely numbers are written, in parts of one: finer than anything measured, and than the slack of a threshold.
const PARTS: f64 = 1e9;

impl From<f64> for Json {
    /// Without what binary arithmetic adds beyond the ninth decimal.
    fn from(number: f64) -> Self {
        let rounded = (number * PARTS).round() / PARTS;
        Self::Leaf(Value::from(if rounded.is_finite() {
            rounded
        } else {
            number
        }))
    }
}

macro_rules! leaf {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Json {
            fn from(value: $kind) -> Self {
                Self::Leaf(Value::from(value))
            }
        }
    )*};
}

leaf!(bool, u32, u64, usize, &str, String);

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Leaf(Value::Null), T::into)
    }
}

impl<T: Into<Json>> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::List(values.into_iter().map(T::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_what_is_empty_takes_no_line() {
        let value = Json::object([
            ("z", 1.0.into()),
            ("a", Json::from_iter(["x\"\n", "y"])),
            ("none", None::<bool>.into()),
            ("empty", Json::from_iter::<[bool; 0]>([])),
            ("nothing", Json::object([])),
        ]);
        assert_eq!(
            value.to_text(),
            "{\n  \"z\": 1.0,\n  \"a\": [\n    \"x\\\"\\n\",\n    \"y\"\n  ],\n  \"none\": null,\n  \"empty\": [],\n  \
             \"nothing\": {}\n}\n"
        );
    }

    #[test]
    fn numbers_are_as_they_were_measured() {
        for (number, written) in [
            (0.366_400_000_000_000_06, "0.3664"),
            (86_400_000.0, "86400000.0"),
            (8.64e15, "8640000000000000.0"),
            (0.000_001, "0.000001"),
        ] {
            let text = Json::from(number).to_text();
            let read: f64 = text.trim().parse().unwrap();
            assert_eq!(read, written.parse::<f64>().unwrap(), "{text}");
        }
    }
}
