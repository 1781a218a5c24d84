//! The pre-push hook as a user meets it: real repositories, and real `git push`.

mod deciding;
mod installing;
mod shapes;
mod tool_away;
