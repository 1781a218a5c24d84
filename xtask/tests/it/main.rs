//! Every test of the tool from outside: what a user sees, and what must never be. One binary, so that it is linked once.

mod base;
mod charts;
mod check;
mod common;
mod compare;
mod confirm;
mod content;
mod documents;
mod evidence;
mod files;
mod first_call;
mod fuzz;
mod history;
mod lifetime;
mod oracle;
mod pixels;
mod pre_push;
mod review;
mod rooms;
mod snapshots;
mod verdict;
