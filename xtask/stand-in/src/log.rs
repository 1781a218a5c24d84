//! Log lines that cannot bring the program down.

use std::fmt;
use std::io::{self, Write};

/// Writes one line to standard output.
///
/// Whether anybody reads it is not the program's business, so a failed write is let go; `println!` would
/// panic on it.
pub fn info(line: fmt::Arguments) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Writes one line to standard error, under the same rule as [`info`].
pub fn error(line: fmt::Arguments) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
