//! The pre-push hook as a user meets it: real repositories, and real `git push`.

#[path = "../common/mod.rs"]
mod common;

mod deciding;
mod installing;
mod project;
mod shapes;
mod tool_away;
