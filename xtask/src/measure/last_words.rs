//! What the tool says when a signal ends it. It has no handler for one, so another process says it.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use crate::term::text::printable;

/// The last words of this process, for as long as this lives. Where no shell can be started there are none.
///
/// The shell is told the words through a pipe. If the pipe ends, the tool was killed, and the shell says what it was told
/// last. It is in the group of the tool: a key of the terminal reaches both at once, so that it speaks while the tool still
/// dies, and before the prompt of whoever waits for that, unless no CPU is free for it.
#[derive(Debug)]
pub(crate) struct LastWords(Option<Child>);

/// A terminal may stop what writes to it from the background (`stty tostop`), but not what ignores the signal.
const SAY_THEM: &str = "
say() { printf '\\ninterrupted: %s\\n' \"$words\" >&2; exit; }
trap '' TTOU
trap say INT QUIT TERM HUP
while IFS= read -r line; do words=$line; done
say";

impl LastWords {
    pub(crate) fn new(words: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", SAY_THEM]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut new = Self(shell.spawn().ok());
        new.set(words);
        new
    }

    /// Replaces them by `words`, one line.
    pub(crate) fn set(&mut self, words: &str) {
        let pipe = self.0.as_mut().and_then(|shell| shell.stdin.as_mut());
        // Where that fails nobody is left to say them.
        let _ = pipe.map(|pipe| pipe.write_all(format!("{}\n", printable(words)).as_bytes()));
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        if let Some(shell) = &mut self.0 {
            // Before the pipe is closed, and even if somebody halted it.
            let _ = shell.kill();
            let _ = shell.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(told: &str) -> String {
        let mut shell = Command::new("sh");
        shell.args(["-c", SAY_THEM]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        shell.stdin.take().unwrap().write_all(told.as_bytes()).unwrap();
        String::from_utf8(shell.wait_with_output().unwrap().stderr).unwrap()
    }

    #[test]
    fn what_was_told_last_is_said_as_it_is() {
        let words = r"2 pairs %s \n  are kept";
        assert_eq!(said(&format!("nothing\n{words}\n")), format!("\ninterrupted: {words}\n"));
    }
}
