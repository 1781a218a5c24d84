//! Sections of TOML files. Each is declared once, with the key of every field; writing and reading follow from that.
//! Unknown keys are ignored, so that a later version may add some.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::model::names::{How, Mode, Phase, RunName, Timestamp};

/// Declares structs of which each field stands under its key. An empty key spreads a field that is a section itself
/// over the table around it.
macro_rules! section {
    ($($(#[$of_struct:meta])* pub struct $name:ident {
        $($(#[$of_field:meta])* pub $field:ident: $type:ty = $key:literal,)+
    })+) => {
        $($(#[$of_struct])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$of_field])* pub $field: $type,)+
        }

        impl $name {
            /// The key of every field.
            pub const KEYS: &[&str] = &[$($key),+];

            pub(crate) fn to_table(&self) -> toml::Table {
                let mut table = toml::Table::new();
                $($crate::model::section::Field::put(&self.$field, $key, &mut table);)+
                table
            }

            /// Reads the section.
            ///
            /// # Errors
            /// The key whose value is needed and missing, or of another type.
            pub(crate) fn from_table(table: &toml::Table) -> Result<Self, &'static str> {
                Ok(Self {
                    $($field: $crate::model::section::Field::take($key, table).ok_or($key)?,)+
                })
            }
        }

        impl $crate::model::section::Item for $name {
            fn to_toml(&self) -> toml::Value {
                toml::Value::Table(self.to_table())
            }

            fn from_toml(value: &toml::Value) -> Option<Self> {
                Self::from_table(value.as_table()?).ok()
            }
        })+
    };
}
pub(crate) use section;

/// The last line of every file: optional sections could be missing from the end of a file cut short.
const FOOTER: &str = "# end";

/// The text of a file with this first line.
pub(crate) fn to_text(header: &str, table: &Table) -> String {
    format!("{header}\n\n{table}\n{FOOTER}\n")
}

/// True for such a text that was not cut short.
pub(crate) fn is_whole(text: &str, header: &str) -> bool {
    text.lines().next() == Some(header) && text.lines().last() == Some(FOOTER)
}

/// A field of a section.
pub(crate) trait Field: Sized {
    /// Writes it; an unknown value leaves its key out.
    fn put(&self, key: &str, table: &mut Table);
    /// Reads it; `None` where it is needed and missing, or of another type.
    fn take(key: &str, table: &Table) -> Option<Self>;
}

/// A single TOML value.
pub(crate) trait Item: Sized {
    fn to_toml(&self) -> Value;
    /// `None` for a value of another type.
    fn from_toml(value: &Value) -> Option<Self>;
}

impl<T: Item> Field for T {
    fn put(&self, key: &str, table: &mut Table) {
        match self.to_toml() {
            Value::Table(own) if key.is_empty() => table.extend(own),
            value => drop(table.insert(key.to_owned(), value)),
        }
    }

    /// A missing section is read as an empty one, which is whole where every field is optional.
    fn take(key: &str, table: &Table) -> Option<Self> {
        match table.get(key) {
            _ if key.is_empty() => Self::from_toml(&Value::Table(table.clone())),
            Some(value) => Self::from_toml(value),
            None => Self::from_toml(&Value::Table(Table::new())),
        }
    }
}

impl<T: Item> Field for Option<T> {
    fn put(&self, key: &str, table: &mut Table) {
        if let Some(value) = self {
            value.put(key, table);
        }
    }

    fn take(key: &str, table: &Table) -> Option<Self> {
        match table.get(key) {
            Some(value) => T::from_toml(value).map(Some),
            None => Some(None),
        }
    }
}

/// A number that is written as it is.
impl Field for f64 {
    fn put(&self, key: &str, table: &mut Table) {
        table.insert(key.to_owned(), Value::Float(*self));
    }

    fn take(key: &str, table: &Table) -> Option<Self> {
        table.get(key)?.as_float()
    }
}

/// A measured number, written to a millionth; unknown where it is not finite.
impl Field for Option<f64> {
    fn put(&self, key: &str, table: &mut Table) {
        if let Some(number) = self.filter(|number| number.is_finite()) {
            ((number * 1e6).round() / 1e6).put(key, table);
        }
    }

    fn take(key: &str, table: &Table) -> Option<Self> {
        match table.get(key) {
            Some(value) => value.as_float().filter(|number| number.is_finite()).map(Some),
            None => Some(None),
        }
    }
}

impl<T: Item> Item for Vec<T> {
    fn to_toml(&self) -> Value {
        Value::Array(self.iter().map(T::to_toml).collect())
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::from_toml).collect()
    }
}

/// Each type with its TOML value and back.
macro_rules! items {
    ($($type:ty: $to:expr, $from:expr;)+) => {
        $(impl Item for $type {
            fn to_toml(&self) -> Value {
                let to: fn(&Self) -> Value = $to;
                to(self)
            }

            fn from_toml(value: &Value) -> Option<Self> {
                let from: fn(&Value) -> Option<Self> = $from;
                from(value)
            }
        })+
    };
}

items! {
    bool: |flag| (*flag).into(), Value::as_bool;
    u32: |count| (*count).into(), whole;
    u64: |count| i64::try_from(*count).unwrap_or(i64::MAX).into(), whole;
    usize: |count| i64::try_from(*count).unwrap_or(i64::MAX).into(), whole;
    String: text, |value| value.as_str().map(str::to_owned);
    Mode: text, |value| Mode::parse(value.as_str()?);
    Phase: text, |value| Phase::parse(value.as_str()?);
    How: text, |value| How::parse(value.as_str()?);
    Timestamp: text, |value| Timestamp::parse(value.as_str()?);
    RunName: text, |value| RunName::parse(value.as_str()?);
    BTreeMap<String, String>: |words| {
        let words = words.iter().map(|(name, word)| (name.clone(), word.clone().into()));
        Value::Table(words.collect())
    }, |value| {
        let words = value.as_table()?.iter();
        words.map(|(name, word)| Some((name.clone(), String::from_toml(word)?))).collect()
    };
}

fn text(value: &impl ToString) -> Value {
    Value::String(value.to_string())
}

fn whole<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    value.as_integer()?.try_into().ok()
}
