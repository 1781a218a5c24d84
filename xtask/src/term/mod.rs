//! The terminal: its two streams, colours, the steps as they happen, words for a shell.

pub mod steps;
pub mod streams;

/// `word` so that a shell takes it as one.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
